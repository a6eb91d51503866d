package transport_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// halves is a connection whose sides close one by one, as those of TCP: a pipe each way.
type halves struct {
	net.Conn // what is read
	out      net.Conn
}

func newHalves() (a, b *halves) {
	a1, b1 := net.Pipe()
	a2, b2 := net.Pipe()
	return &halves{a1, a2}, &halves{b2, b1}
}

func (h *halves) Write(b []byte) (int, error)        { return h.out.Write(b) }
func (h *halves) CloseWrite() error                  { return h.out.Close() }
func (h *halves) Close() error                       { _ = h.out.Close(); return h.Conn.Close() }
func (h *halves) SetWriteDeadline(t time.Time) error { return h.out.SetWriteDeadline(t) }

// stubborn keeps its side open: CloseWrite is not there.
type stubborn struct{ net.Conn }

// TestHowLongTheLastWordIsReadFor: when a connection ends the server says so by closing its
// side, where it can, then reads and drops what still comes, for half a second, or until the
// client has closed the other.
func TestHowLongTheLastWordIsReadFor(t *testing.T) {
	const quiet = time.Second + 5*time.Millisecond // for a client that was told, and then for what has come
	for name, row := range map[string]struct {
		one    bool // the server cannot close its side alone
		closes bool // the client closes when it sees that the server has
		sends  bool // it sends on
		want   time.Duration
	}{
		"the client stays":           {want: quiet + 500*time.Millisecond},
		"it sends on":                {sends: true, want: quiet + 500*time.Millisecond},
		"it closes":                  {closes: true, want: quiet},
		"no side closes alone":       {one: true, want: quiet},
		"nor alone, and it sends on": {one: true, sends: true, want: quiet},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s, stop := servePipes(t, nil)
				defer stop()
				ours, theirs := newHalves()
				var server net.Conn = theirs
				if row.one {
					server = stubborn{theirs}
				}
				p.conns <- server
				synctest.Wait()
				begin := time.Now()
				closed := make(chan time.Duration, 1)
				go func() {
					_, _ = io.Copy(io.Discard, ours)
					closed <- time.Since(begin)
					if row.closes {
						ours.Close()
					}
				}()
				taken := make(chan time.Duration, 1)
				if row.sends {
					go func() {
						at := time.Duration(0)
						time.Sleep(7 * time.Millisecond) // nothing is to come in the moment of a look
						for frame := (native.Protocol{}).AppendCancel(nil, 5); ; time.Sleep(10 * time.Millisecond) {
							if _, err := ours.Write(frame); err != nil {
								taken <- at
								return
							}
							at = time.Since(begin)
						}
					}()
				}
				if err := s.Shutdown(context.Background()); err != nil || time.Since(begin) != row.want {
					t.Errorf("ended after %v, want %v; %v", time.Since(begin), row.want, err)
				}
				if at := bounded.Receive(t, closed); at != quiet {
					t.Errorf("the server's side was closed after %v, want %v", at, quiet)
				}
				ours.Close()
				if row.sends {
					if at := bounded.Receive(t, taken); at < row.want-20*time.Millisecond {
						t.Errorf("what the client sends is taken for %v, want %v", at, row.want)
					}
				}
			})
		})
	}
}

// TestAnswersOfWhoClosedItsSide: a client that reads late what it has asked for, and has
// nothing more to say, gets all of it.
func TestAnswersOfWhoClosedItsSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
		defer stop()
		ours, theirs := newHalves()
		p.conns <- theirs
		for id := range uint32(3) {
			if _, err := ours.Write(request(t, id+1, "M", "x")); err != nil {
				t.Fatal(err)
			}
		}
		_ = ours.CloseWrite()
		time.Sleep(time.Second)
		for range 3 {
			if a, err := readAnswer(ours); err != nil || a.err != nil || a.body != "x" {
				t.Fatalf("got %+v, %v", a, err)
			}
		}
		_, _ = io.Copy(io.Discard, ours)
		ours.Close()
	})
}

// forgetful is a protocol whose handshake waits for a byte, for as long as it may.
type forgetful struct{ native.Protocol }

func (forgetful) ServerHandshake(_ context.Context, nc net.Conn) error {
	_ = nc.SetDeadline(time.Time{})
	_, err := nc.Read(make([]byte, 1))
	return err
}

// TestGreeting: a client that is being greeted when the server goes away has made no call,
// and is let go at once; one that was greeted is told, and its call is answered. A greeting
// has an end.
func TestGreeting(t *testing.T) {
	for name, row := range map[string]struct {
		protocol transport.ServerProtocol
		tls, own bool // of the Service; of the listener
		silent   bool // the client
		down     bool // the server goes away
		ends     time.Duration
	}{
		"none, and silence":            {protocol: native.Protocol{}, silent: true, down: true, ends: 1005 * time.Millisecond},
		"TLS, and silence":             {protocol: native.Protocol{}, tls: true, silent: true, down: true},
		"the listener's, and silence":  {protocol: native.Protocol{}, own: true, silent: true, down: true},
		"a handshake, and silence":     {protocol: forgetful{}, silent: true, down: true},
		"TLS, and it has no end":       {protocol: native.Protocol{}, tls: true, silent: true, ends: 3 * time.Second},
		"a handshake that has no end":  {protocol: forgetful{}, silent: true, ends: 3 * time.Second},
		"none, and a call":             {protocol: native.Protocol{}, down: true},
		"TLS, and a call":              {protocol: native.Protocol{}, tls: true, down: true},
		"the listener's, and a call":   {protocol: native.Protocol{}, own: true, down: true},
		"a handshake, and then a call": {protocol: forgetful{}, down: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := newAuthority(t)
				config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "localhost", time.Now().Add(time.Hour))}}
				reported := make(chan error, 9)
				options := []transport.ServiceOption{transport.ServiceHandshakeTimeout(3 * time.Second),
					transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reported <- err }))}
				if row.tls {
					options = append(options, transport.ServiceTLSConfig(config))
				}
				p, s, stop := servePipesOf(t, row.protocol, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
					time.Sleep(7 * time.Second) // longer than the greeting may take
					return r, nil
				})}, options...)
				defer stop()
				var ours, theirs net.Conn = net.Pipe()
				raw := ours
				if row.own {
					theirs = tls.Server(theirs, config)
				}
				p.conns <- theirs
				synctest.Wait()
				begin := time.Now()
				var shutdown sync.WaitGroup
				defer bounded.Wait(t, shutdown.Wait)
				goAway := func() {
					if row.down {
						shutdown.Go(func() { _ = s.Shutdown(context.Background()) })
					}
				}
				if row.silent {
					goAway()
					_, _ = io.Copy(io.Discard, raw)
					if at := time.Since(begin); at != row.ends {
						t.Errorf("ended after %v, want %v", at, row.ends)
					}
					synctest.Wait()
					if row.down && len(reported) > 0 {
						t.Errorf("that the server goes away is told as an error of the client's: %v", bounded.Receive(t, reported))
					}
					raw.Close()
					return
				}
				if row.tls || row.own {
					ours = tls.Client(raw, &tls.Config{RootCAs: ca.pool, ServerName: "localhost"})
				}
				var hello []byte
				if _, ok := row.protocol.(forgetful); ok {
					hello = []byte{1}
				}
				if _, err := ours.Write(bytes.Join([][]byte{hello, request(t, 1, "M", "x")}, nil)); err != nil {
					t.Fatal(err)
				}
				answers := readAll(ours)
				synctest.Wait()
				goAway()
				got := 0
				for a := range answers {
					if a.kind != 7 && a.err == nil && a.body == "x" {
						got++
					}
				}
				if got != 1 || time.Since(begin) < 7*time.Second {
					t.Errorf("%d answers, and the end after %v", got, time.Since(begin))
				}
				raw.Close()
			})
		})
	}
}
