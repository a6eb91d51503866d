package native_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestRequestOverThePeersLimitFailsAlone: once the server has said how much it takes, a
// larger request is not sent, and 50 other calls on the connection do not notice.
func TestRequestOverThePeersLimitFailsAlone(t *testing.T) {
	for _, over := range networks {
		t.Run(over, func(t *testing.T) {
			s := serve(t, over, transport.ServiceMaxFrameSize(64<<10), transport.ServiceMaxInFlight(200, 0))
			pool := newPool(t)
			client := s.client(pool, transport.ClientBulk(false)) // a bulk connection has heard nothing yet
			end := s.hold(t, 50, client)
			if _, err := client(testContext(t), "Echo", []byte("the settings come with this, if not before")); err != nil {
				t.Fatal(err)
			}
			want := muxpool.Settings{MaxFrameSize: 64 << 10, MaxCalls: 200, MaxMetadataPairs: 256, MaxMetadataBytes: 64 << 10, MinVersion: 2, MaxVersion: 2}
			if got := onlyConn(t, pool).Peer; got != want {
				t.Errorf("the server's settings are %+v, not %+v", got, want)
			}
			for range 3 {
				err := s.failure(t, client, "Echo", make([]byte, 64<<10))
				e := asError(t, err)
				if !errors.Is(err, muxpool.ErrFrameTooLarge) || e.Code != transport.CodeTooLarge || e.Sent() || e.Remote {
					t.Errorf("got %v: sent %v, remote %v", err, e.Sent(), e.Remote)
				}
				// 16 bytes of header, 8 of the timeout, the method's 4 and the body's
				if !strings.Contains(err.Error(), "65564 bytes") || !strings.Contains(err.Error(), "at most 65536") {
					t.Errorf("the error does not name size and limit: %v", err)
				}
			}
			if _, err := client(testContext(t), "Echo", make([]byte, 64<<10-28)); err != nil {
				t.Errorf("a request that just fits: %v", err)
			}
			end()
			onlyConn(t, pool)
		})
	}
}

// TestAnswerOverTheClientsLimitFailsAlone: the server knows how much the client takes
// when it has its first request, and says so instead of what would end the connection.
func TestAnswerOverTheClientsLimitFailsAlone(t *testing.T) {
	for _, over := range networks {
		t.Run(over, func(t *testing.T) {
			s := serve(t, over)
			pool := newPool(t, muxpool.WithMaxFrameSize(64<<10))
			client := s.client(pool)
			tooLarge := func() {
				t.Helper()
				err := s.failure(t, client, "Big", nil)
				e := asError(t, err)
				if e.Code != transport.CodeTooLarge || !e.Remote || e.NotRun {
					t.Errorf("got %v, remote %v, not run %v", err, e.Remote, e.NotRun)
				}
				if !strings.Contains(err.Error(), "131088 bytes") || !strings.Contains(err.Error(), "at most 65536") {
					t.Errorf("the error does not name size and limit: %v", err)
				}
			}
			tooLarge() // of the first call
			end := s.hold(t, 50, client)
			for range 3 {
				tooLarge()
			}
			end()
			onlyConn(t, pool)
		})
	}
}

// counted is a connection whose writes are counted.
type counted struct {
	net.Conn
	c *counter
}

type counter struct {
	mu     sync.Mutex
	writes []int
}

func (c counted) Write(b []byte) (int, error) {
	c.c.mu.Lock()
	c.c.writes = append(c.c.writes, len(b))
	c.c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *counter) sizes() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// countedListener counts the writes of all the connections that it accepts.
type countedListener struct {
	net.Listener
	c *counter
}

func (l countedListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return counted{nc, l.c}, nil
}

// TestSettingsCostNoWrite: the settings of both sides are in the first write of each,
// with the first request and the first answer, and in none after it.
func TestSettingsCostNoWrite(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var server, client counter
	s := serveOn(t, "tcp", countedListener{l, &server})
	pool := newPool(t, muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		return counted{nc, &client}, err
	}))
	for range 2 {
		if _, err := s.client(pool)(testContext(t), "Echo", nil); err != nil {
			t.Fatal(err)
		}
	}
	const (
		request, answer = 16 + 8 + 4, 16
		pairs           = 10
	)
	if got := client.sizes(); len(got) != 2 || got[0] != 16+3*pairs+request || got[1] != request {
		t.Errorf("the client wrote %v bytes", got)
	}
	if got := server.sizes(); len(got) != 2 || got[0] != 16+6*pairs+answer || got[1] != answer {
		t.Errorf("the server wrote %v bytes", got)
	}
}

// TestSettingsWaitForAFrame: a connection that says nothing says no settings either.
func TestSettingsWaitForAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		pool := newPool(t, muxpool.WithDialContext(func(context.Context, string, string) (net.Conn, error) { return near, nil }))
		opts := muxpool.NewGetOptions()
		opts.WithFrameParser(native.Protocol{})
		mc, err := pool.GetMuxConn(t.Context(), "tcp", "peer:1", opts)
		if err != nil {
			t.Fatal(err)
		}
		var got atomic.Int64
		go func() {
			buf := make([]byte, 1000)
			for n, err := far.Read(buf); err == nil; n, err = far.Read(buf) {
				got.Add(int64(n))
			}
		}()
		if synctest.Wait(); got.Load() != 0 {
			t.Errorf("%d bytes before anything was written", got.Load())
		}
		request := appendRequest(t, mc.VID(), &transport.Message{Method: "M"})
		if err := mc.Write(request); err != nil {
			t.Fatal(err)
		}
		if synctest.Wait(); got.Load() != int64(16+3*10+len(request)) {
			t.Errorf("%d bytes with the first request of %d", got.Load(), len(request))
		}
		mc.Close()
		pool.Close()
		synctest.Wait()
	})
}
