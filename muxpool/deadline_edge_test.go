package muxpool_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// oddConn is a connection of the user's own: its timeouts are errors of its own, as those
// of many tunnels are, and it remembers its write deadline.
type oddConn struct {
	net.Conn
	mu       sync.Mutex
	deadline time.Time
	set      int
}

type oddTimeout struct{}

func (oddTimeout) Error() string   { return "odd: timeout" }
func (oddTimeout) Timeout() bool   { return true }
func (oddTimeout) Temporary() bool { return true }

func odd(err error) error {
	var t net.Error
	if errors.As(err, &t) && t.Timeout() {
		return oddTimeout{}
	}
	return err
}

func (c *oddConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, odd(err)
}

func (c *oddConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, odd(err)
}

func (c *oddConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.set++
	return c.Conn.SetWriteDeadline(t)
}

// TestConnectionOfTheUsersOwn: a connection that the pool uses with deadlines is given
// back without one after each write, and a timeout that is not the standard library's is
// a timeout all the same.
func TestConnectionOfTheUsersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(nil)
		defer peer.Close()
		var conn *oddConn
		downs := 0
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithKeepAlive(time.Second), muxpool.WithIdleTimeout(time.Minute),
			muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
				nc, err := peer.DialContext(ctx, network, address)
				conn = &oddConn{Conn: nc}
				return conn, err
			}))
		defer pool.Close()
		pool.Subscribe(func(ev muxpool.Event) {
			if ev.Kind == muxpool.ConnDown {
				downs++
			}
		})
		caller := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{})
		for range 3 {
			if err := caller.Call(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			conn.mu.Lock()
			if conn.set == 0 || !conn.deadline.IsZero() {
				t.Errorf("the write deadline was set %d times, and is left at %v", conn.set, conn.deadline)
			}
			conn.mu.Unlock()
			// While it is idle, the pool takes the reader's memory back, by a deadline.
			time.Sleep(10 * time.Second)
		}
		if downs != 0 || peer.Stats().Accepted != 1 {
			t.Errorf("%d connections were lost to a deadline of the pool's own", downs)
		}
	})
}

// TestShutdownNil is refused, and nothing is shut down.
func TestShutdownNil(t *testing.T) {
	pool := unhurried(t)
	var none context.Context
	if err := pool.Shutdown(none); !errors.Is(err, muxpool.ErrInvalidOption) {
		t.Errorf("Shutdown(nil): %v", err)
	}
	peer := muxtest.NewPeer(nil)
	defer peer.Close()
	addr, err := peer.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := muxtest.NewCaller(pool, "tcp", addr, muxtest.Parser{}).Call(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
