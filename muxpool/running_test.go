package muxpool_test

import (
	"context"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func isDone(p *muxpool.Multiplexed) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// TestDone: Close does not wait, and Done tells when the last goroutine has ended, whatever
// user code that is in: a subscriber, a dial function, a connection, a keepalive.
func TestDone(t *testing.T) {
	for _, user := range []string{"nobody", "a subscriber", "a dial", "a connection", "a keepalive"} {
		t.Run(user, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := muxtest.NewPeer(nil)
				defer peer.Close()
				held := make(chan struct{})
				var parser muxpool.FrameParser = muxtest.Parser{}
				if user == "a keepalive" { // which is due while a call waits
					parser = &heldKeepAlive{held: held}
					peer.Do(muxtest.Drop)
				}
				pool, err := muxpool.New(muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
					if user == "a dial" {
						<-held
					}
					nc, err := peer.DialContext(ctx, network, address)
					if user == "a connection" {
						nc = heldConn{nc, held}
					}
					return nc, err
				}))
				if err != nil {
					t.Fatal(err)
				}
				pool.Subscribe(func(muxpool.Event) {
					if user == "a subscriber" {
						<-held
					}
				})
				ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
				defer cancel()
				_ = muxtest.NewCaller(pool, "tcp", "peer:1", parser).Call(ctx, nil) // fails where no dial ends, and no answer comes
				if isDone(pool) {
					t.Error("done before Close")
				}
				if err := pool.Close(); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Hour)
				if isDone(pool) != (user == "nobody") {
					t.Errorf("done: %v, while %s keeps a goroutine", isDone(pool), user)
				}
				close(held)
				synctest.Wait()
				if !isDone(pool) {
					t.Error("not done")
				}
			})
		})
	}
}

// heldKeepAlive is a parser whose AppendKeepAlive waits.
type heldKeepAlive struct {
	world.Alive
	held chan struct{}
}

func (p *heldKeepAlive) AppendKeepAlive(dst []byte, id uint32) []byte {
	<-p.held
	return p.Alive.AppendKeepAlive(dst, id)
}

// heldConn is a connection whose Close waits.
type heldConn struct {
	net.Conn
	held chan struct{}
}

func (c heldConn) Close() error {
	err := c.Conn.Close()
	<-c.held
	return err
}

// TestDoneOnSockets: after Done no goroutine of the pool's is left, flushers included.
func TestDoneOnSockets(t *testing.T) {
	peer := echoProcess(t)
	before := runtime.NumGoroutine()
	pool, err := muxpool.New(world.Unhurried()...)
	if err != nil {
		t.Fatal(err)
	}
	pool.Subscribe(func(muxpool.Event) {})
	caller := muxtest.NewCaller(pool, "tcp", peer.Addr(), muxtest.Parser{})
	calls := make(chan error, 20)
	for range cap(calls) {
		go func() { calls <- caller.Call(t.Context(), make([]byte, 1<<20)) }()
	}
	for range cap(calls) / 2 {
		if err := bounded.Receive(t, calls); err != nil {
			t.Fatal(err)
		}
	}
	pool.Close()
	bounded.Receive(t, pool.Done())
	for range cap(calls) / 2 {
		bounded.Receive(t, calls)
	}
	for limit := new(bounded.Limit); runtime.NumGoroutine() > before; runtime.Gosched() { // they have said so just before their end
		if limit.Over() {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// TestCloseIdle: connections that nobody is on are closed, without a failure; a call in
// flight keeps its own.
func TestCloseIdle(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		w.TwoConns()
		hold := w.Hold()
		calls := w.Calls(1, time.Minute)
		w.Until(5*time.Second, "the call at the peer", func() bool { return hold.Len() == 1 })
		w.Pool.CloseIdle()
		w.Until(time.Second, "one connection is left", func() bool { return w.Victim.Stats().Open == 1 })
		hold.Release(nil)
		if failed := calls.Land(); len(failed) > 0 {
			w.Error(failed)
		}
		w.Until(time.Second, "the end is told", func() bool { return len(w.Heard(muxpool.ConnDown)) == 1 })
		if e := w.Heard(muxpool.ConnDown)[0]; e.Reason != muxpool.ReasonIdle || e.Reason.Failure() {
			w.Errorf("got %v", e)
		}
		w.Victim.Do(muxtest.Echo)
		if err := w.Call(); err != nil {
			w.Error(err)
		}
	})
}
