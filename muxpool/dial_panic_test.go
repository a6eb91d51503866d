package muxpool_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestDialFunctionPanics: a dial whose function panics, or never returns, is a dial that
// fails, and the next one is as good as any.
func TestDialFunctionPanics(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("planted") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			var ends atomic.Bool
			ends.Store(true)
			pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
				if ends.Load() {
					end()
				}
				return peer.DialContext(ctx, network, address)
			}))
			caller := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err := caller.Call(ctx, nil)
			if !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) || !errors.Is(err, muxpool.ErrInvalidOption) {
				t.Fatalf("got %v, want a dial that failed by an option", err)
			}
			if name == "panic" && !strings.Contains(err.Error(), "planted") {
				t.Errorf("%v does not tell the panic", err)
			}
			ends.Store(false)
			if err := caller.Call(ctx, nil); err != nil {
				t.Error("the next call: ", err)
			}
		})
	}
}

// rude is a connection whose Write does not return.
type rude struct {
	net.Conn
	end func()
}

func (r rude) Write([]byte) (int, error) { r.end(); return 0, nil }

// TestConnectionPanics: a connection of the user's own whose Write panics, or ends its
// goroutine, ends alone.
func TestConnectionPanics(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("planted") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			var dials atomic.Int32
			pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
				nc, err := peer.DialContext(ctx, network, address)
				if dials.Add(1) == 1 && err == nil {
					nc = rude{nc, end}
				}
				return nc, err
			}))
			caller := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			err := caller.Call(ctx, nil)
			if !errors.Is(err, muxpool.ErrConnLost) || name == "panic" && !strings.Contains(err.Error(), "planted") {
				t.Fatalf("got %v, want a lost connection, and why", err)
			}
			if err := caller.Call(ctx, nil); err != nil {
				t.Error("the next call: ", err)
			}
		})
	}
}

// TestTLSFunctionPanics: as TestDialFunctionPanics, of a function in the TLS settings.
func TestTLSFunctionPanics(t *testing.T) {
	ca, err := muxtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(){"panic": func() { panic("planted") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			addr, err := peer.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
			if err != nil {
				t.Fatal(err)
			}
			var ends atomic.Bool
			ends.Store(true)
			caller := muxtest.NewCaller(newPool(t, muxpool.WithConnectNumber(1)), "tcp", addr, muxtest.Parser{})
			caller.Opts.WithTLSConfig(&tls.Config{
				RootCAs: ca.Pool(),
				VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error {
					if ends.Load() {
						end()
					}
					return nil
				},
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := caller.Call(ctx, nil); !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) || !errors.Is(err, muxpool.ErrInvalidOption) {
				t.Fatalf("got %v, want a dial that failed by an option", err)
			}
			for peer.Stats().Open > 0 {
				if ctx.Err() != nil {
					t.Fatal("the connection is not closed")
				}
				time.Sleep(time.Millisecond)
			}
			ends.Store(false)
			if err := caller.Call(ctx, nil); err != nil {
				t.Error("the next call: ", err)
			}
		})
	}
}

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

// TestDialReturnsANilPointer: a nil pointer is no connection, whatever its type.
func TestDialReturnsANilPointer(t *testing.T) {
	pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(func(context.Context, string, string) (net.Conn, error) {
		var none *net.TCPConn
		return none, nil
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{}).Call(ctx, nil)
	if !errors.Is(err, muxpool.ErrInvalidOption) || !strings.Contains(err.Error(), "neither a connection nor an error") {
		t.Errorf("got %v, want an error that says so", err)
	}
}
