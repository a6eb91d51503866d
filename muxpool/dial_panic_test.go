package muxpool_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
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
			pool := unhurried(t, muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
				if ends.Load() {
					end()
				}
				return peer.DialContext(ctx, network, address)
			}))
			caller := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{})
			ctx := t.Context()
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

// rude is a connection of which a method does not return; Read once something has come.
type rude struct {
	net.Conn
	method string
	end    func()
}

func (r rude) Write(b []byte) (int, error) {
	if r.method == "Write" {
		r.end()
	}
	return r.Conn.Write(b)
}

func (r rude) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	if r.method == "Read" {
		r.end()
	}
	return n, err
}

// TestConnectionPanics: a connection of the user's own whose Read or Write panics, or ends
// its goroutine, ends alone, and nobody else is blamed.
func TestConnectionPanics(t *testing.T) {
	ends := map[string]func(){"panic": func() { panic("planted") }, "goexit": runtime.Goexit}
	for _, row := range [...][2]string{{"Read", "panic"}, {"Read", "goexit"}, {"Write", "panic"}, {"Write", "goexit"}} {
		method, name, end := row[0], row[1], ends[row[1]]
		t.Run(method+"/"+name, func(t *testing.T) {
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			var dials atomic.Int32
			pool := unhurried(t, muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
				nc, err := peer.DialContext(ctx, network, address)
				if dials.Add(1) == 1 && err == nil {
					nc = rude{nc, method, end}
				}
				return nc, err
			}))
			caller := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{})
			ctx := t.Context()
			err := caller.Call(ctx, nil)
			if !errors.Is(err, muxpool.ErrConnLost) || name == "panic" && !strings.Contains(err.Error(), "planted") {
				t.Fatalf("got %v, want a lost connection, and why", err)
			}
			if errors.Is(err, muxpool.ErrProtocol) || strings.Contains(err.Error(), "parser") || !strings.Contains(err.Error(), "the connection") {
				t.Errorf("%v blames somebody else", err)
			}
			if err := caller.Call(ctx, nil); err != nil {
				t.Error("the next call: ", err)
			}
		})
	}
}

// TestDatagramConnectionPanics: likewise, of one that carries datagrams, whose Write is called
// by its user's goroutine: that it may end is its own doing.
func TestDatagramConnectionPanics(t *testing.T) {
	ends := map[string]func(){"panic": func() { panic("planted") }, "goexit": runtime.Goexit}
	for _, row := range [...][2]string{{"Read", "panic"}, {"Read", "goexit"}, {"Write", "panic"}} {
		method, name, end := row[0], row[1], ends[row[1]]
		t.Run(method+"/"+name, func(t *testing.T) {
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			addr, err := peer.Listen("udp", "127.0.0.1:0", nil)
			if err != nil {
				t.Fatal(err)
			}
			var dials atomic.Int32
			pool := unhurried(t, muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
				nc, err := new(net.Dialer).DialContext(ctx, network, address)
				if dials.Add(1) == 1 && err == nil {
					nc = rude{nc, method, end}
				}
				return nc, err
			}))
			caller := muxtest.NewCaller(pool, "udp", addr, muxtest.Parser{})
			ctx := t.Context()
			err = caller.Call(ctx, nil)
			if !errors.Is(err, muxpool.ErrConnLost) || errors.Is(err, muxpool.ErrProtocol) || !strings.Contains(err.Error(), "the connection") {
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
			caller := muxtest.NewCaller(unhurried(t), "tcp", addr, muxtest.Parser{})
			caller.Opts.WithTLSConfig(&tls.Config{
				RootCAs: ca.Pool(),
				VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error {
					if ends.Load() {
						end()
					}
					return nil
				},
			})
			ctx := t.Context()
			if err := caller.Call(ctx, nil); !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) || !errors.Is(err, muxpool.ErrInvalidOption) {
				t.Fatalf("got %v, want a dial that failed by an option", err)
			}
			for limit := new(bounded.Limit); peer.Stats().Open > 0; time.Sleep(time.Millisecond) { // between two looks
				if limit.Over() {
					t.Fatal("the connection is not closed")
				}
			}
			ends.Store(false)
			if err := caller.Call(ctx, nil); err != nil {
				t.Error("the next call: ", err)
			}
		})
	}
}

// TestDialReturnsANilPointer: a nil pointer is no connection, whatever its type.
func TestDialReturnsANilPointer(t *testing.T) {
	pool := unhurried(t, muxpool.WithDialContext(func(context.Context, string, string) (net.Conn, error) {
		var none *net.TCPConn
		return none, nil
	}))
	err := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{}).Call(t.Context(), nil)
	if !errors.Is(err, muxpool.ErrInvalidOption) || !strings.Contains(err.Error(), "neither a connection nor an error") {
		t.Errorf("got %v, want an error that says so", err)
	}
}

// A node that is to be called by TLS is sent nothing while the files for it cannot be read.
func TestNothingIsSentWithoutTheFilesOfTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []byte
		var wg sync.WaitGroup
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			wg.Go(func() { sent, _ = io.ReadAll(there) })
			return here, nil
		}))
		caller := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{})
		caller.Opts.WithDialTLS("", "", filepath.Join(t.TempDir(), "missing.pem"), "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := caller.Call(ctx, nil); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, want that a file is missing", err)
		}
		pool.Close()
		bounded.Wait(t, wg.Wait)
		if len(sent) > 0 {
			t.Errorf("%d bytes were sent: %q", len(sent), sent)
		}
	})
}
