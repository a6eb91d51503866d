package muxpool_test

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// unkind is a connection of which one method does not return, whoever calls it.
type unkind struct {
	net.Conn
	method string
	end    func()
}

func (u unkind) trip(method string) {
	if u.method == method {
		u.end()
	}
}

func (u unkind) Close() error                  { _ = u.Conn.Close(); u.trip("Close"); return nil }
func (u unkind) LocalAddr() net.Addr           { u.trip("LocalAddr"); return u.Conn.LocalAddr() }
func (u unkind) RemoteAddr() net.Addr          { u.trip("RemoteAddr"); return u.Conn.RemoteAddr() }
func (u unkind) SetDeadline(t time.Time) error { u.trip("SetDeadline"); return u.Conn.SetDeadline(t) }
func (u unkind) SetReadDeadline(t time.Time) error {
	u.trip("SetReadDeadline")
	return u.Conn.SetReadDeadline(t)
}
func (u unkind) SetWriteDeadline(t time.Time) error {
	u.trip("SetWriteDeadline")
	return u.Conn.SetWriteDeadline(t)
}

// TestConnectionsOtherMethodsPanic: whatever method of a connection of the user's own
// panics, or ends its goroutine, the process and the pool live, on every way by which such
// a connection ends: a handshake that fails, Drop, a pool that shuts down, one that is closed.
func TestConnectionsOtherMethodsPanic(t *testing.T) {
	t.Run("panic", func(t *testing.T) { testUnkind(t, func() { panic("planted") }) })
	t.Run("goexit", func(t *testing.T) { testUnkind(t, runtime.Goexit) })
}

func testUnkind(t *testing.T, trip func()) {
	for _, method := range []string{"Close", "LocalAddr", "RemoteAddr", "SetDeadline", "SetReadDeadline", "SetWriteDeadline"} {
		for _, overTLS := range []bool{false, true} {
			for _, end := range []string{"drop", "shutdown", "close"} {
				synctest.Test(t, func(t *testing.T) {
					peer := muxtest.NewPeer(nil)
					defer peer.Close()
					pool, err := muxpool.New(muxpool.WithIdleTimeout(time.Minute), muxpool.WithReconnect(1, time.Millisecond, time.Millisecond),
						muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
							nc, err := peer.DialContext(ctx, network, address)
							return unkind{nc, method, trip}, err
						}))
					if err != nil {
						t.Fatal(err)
					}
					caller := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{})
					if overTLS { // of which the peer speaks none: the handshake fails
						caller.Opts.WithTLSConfig(&tls.Config{InsecureSkipVerify: true})
					}
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					err = caller.Call(ctx, nil)
					if overTLS != (err != nil) && method != "SetWriteDeadline" {
						t.Errorf("%s, TLS %v: the call ended with %v", method, overTLS, err)
					}
					time.Sleep(30 * time.Second) // the timers that give memory back have run
					switch end {
					case "drop":
						pool.Drop(muxpool.Node{Network: "tcp", Address: "peer:1"})
					case "shutdown":
						if err := pool.Shutdown(ctx); err != nil && ctx.Err() == nil {
							t.Error(err)
						}
					}
					_ = pool.Close()
					select {
					case <-pool.Done():
					case <-time.After(time.Minute):
						t.Errorf("%s, TLS %v: %s: the pool does not end", method, overTLS, end)
					}
				})
			}
		}
	}
}
