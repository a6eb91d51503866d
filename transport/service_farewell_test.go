package transport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// parting is a protocol with last words.
type parting struct{ native.Protocol }

func (parting) AppendFarewell(dst []byte, _ error) []byte { return append(dst, "bye"...) }

// broken is a frame that ends its connection.
func broken(t *testing.T) []byte {
	t.Helper()
	frame := request(t, 1, "M", "x")
	frame[4] = 99 // the version
	return frame
}

// lastSeen is a connection that tells when it is closed, and may be unable to close its side.
type lastSeen struct {
	*halves
	unable bool
	closed chan time.Time
}

func (l *lastSeen) CloseWrite() error {
	if l.unable {
		return errors.New("unable")
	}
	return l.halves.CloseWrite()
}

func (l *lastSeen) Close() error {
	select {
	case l.closed <- time.Now():
	default: // not the first time
	}
	return l.halves.Close()
}

// TestTimeForLastWords: a client whose bytes are refused has the time to read why, from when
// its kernel has it, whatever else happens; unless it says that it waits for nothing more.
func TestTimeForLastWords(t *testing.T) {
	const linger = 500 * time.Millisecond
	for name, row := range map[string]struct {
		late time.Duration // until it reads
		half bool          // it closes its side at once
		down time.Duration // until the server goes away; 0: it does not
		want time.Duration
	}{
		"it stays":                                {want: linger},
		"it stays, and the server goes away":      {down: 100 * time.Millisecond, want: linger},
		"it reads late":                           {late: 2500 * time.Millisecond, want: 2500*time.Millisecond + linger},
		"it reads late, and the server goes away": {late: 2500 * time.Millisecond, down: time.Second, want: 2500*time.Millisecond + linger},
		"it closes its side":                      {half: true},
		"it closes its side, and reads late":      {half: true, late: 2500 * time.Millisecond, want: 2500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s, stop := servePipesOf(t, parting{}, nil)
				defer stop()
				ours, theirs := newHalves()
				server := &lastSeen{halves: theirs, closed: make(chan time.Time, 1)}
				p.conns <- server
				begin := time.Now()
				if _, err := ours.Write(broken(t)); err != nil {
					t.Fatal(err)
				}
				var others sync.WaitGroup
				defer bounded.Wait(t, others.Wait)
				if row.down > 0 {
					time.AfterFunc(row.down, func() { others.Go(func() { _ = s.Shutdown(context.Background()) }) })
				}
				taken := time.Duration(0) // what it sends on
				if row.half {
					_ = ours.CloseWrite()
				} else {
					others.Go(func() {
						for {
							time.Sleep(7 * time.Millisecond)
							if _, err := ours.Write([]byte("on")); err != nil {
								return
							}
							taken = time.Since(begin)
						}
					})
				}
				time.Sleep(row.late)
				if words, err := io.ReadAll(ours); err != nil || string(words) != "bye" {
					t.Errorf("the last words are %q, %v", words, err)
				}
				if at := bounded.Receive(t, server.closed).Sub(begin); at != row.want {
					t.Errorf("closed after %v, want %v", at, row.want)
				}
				ours.Close()
				bounded.Wait(t, others.Wait)
				if !row.half && taken < row.want-20*time.Millisecond {
					t.Errorf("what it sends is taken for %v, want %v", taken, row.want)
				}
			})
		})
	}
}

// TestLastWordsAreWritten: beside calls that answer later the goroutine that reads writes before it
// reads on, and after these words it does not.
func TestLastWordsAreWritten(t *testing.T) {
	s := serveProtocol(t, parting{}, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
		<-ctx.Done()
		return r, nil
	})})
	nc, err := net.Dial("tcp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	if _, err := nc.Write(append(batch(t, 3, "M"), broken(t)...)); err != nil {
		t.Fatal(err)
	}
	if words, err := io.ReadAll(nc); err != nil || !strings.HasSuffix(string(words), "bye") {
		t.Errorf("the last words are %q, %v", words, err)
	}
}

// TestTimeForTheEndOfAHandshake: so has a client that speaks no TLS, where the server can close
// its side alone.
func TestTimeForTheEndOfAHandshake(t *testing.T) {
	const linger = 500 * time.Millisecond
	for name, row := range map[string]struct {
		one    bool // the server has no sides
		unable bool // they cannot be closed
		closes bool // the client, when it sees that the server has
		want   time.Duration
	}{
		"it stays":                 {want: linger},
		"it closes":                {closes: true},
		"no side closes alone":     {one: true},
		"none can be, as it seems": {unable: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, "localhost", time.Now().Add(time.Hour))}}
				reported := make(chan error, 9)
				p, _, stop := servePipesOf(t, native.Protocol{}, nil, transport.ServiceTLSConfig(config),
					transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reported <- err })))
				defer stop()
				ours, theirs := newHalves()
				seen := &lastSeen{halves: theirs, unable: row.unable, closed: make(chan time.Time, 1)}
				var server net.Conn = seen
				if row.one {
					server = stubborn{seen}
				}
				p.conns <- server
				begin := time.Now()
				if _, err := ours.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
					t.Fatal(err)
				}
				alert, err := io.ReadAll(ours)
				if err != nil || len(alert) == 0 || alert[0] != 21 {
					t.Errorf("the client is told %q, %v", alert, err)
				}
				if row.closes {
					ours.Close()
				}
				if at := bounded.Receive(t, seen.closed).Sub(begin); at != row.want {
					t.Errorf("closed after %v, want %v", at, row.want)
				}
				if err := bounded.Receive(t, reported); !strings.Contains(err.Error(), "TLS handshake") {
					t.Errorf("reported: %v", err)
				}
				ours.Close()
			})
		})
	}
}

// TestGreetingLeavesNoDeadline: that of the greeting is over when a client that was greeted calls.
func TestGreetingLeavesNoDeadline(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceHandshakeTimeout(time.Millisecond))
	nc, err := net.Dial("tcp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	for id := range uint32(2) {
		if _, err := nc.Write(request(t, id+1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		if a, err := readAnswer(nc); err != nil || a.err != nil || a.body != "x" {
			t.Fatalf("call %d: got %+v, %v", id+1, a, err)
		}
		time.Sleep(10 * time.Millisecond) // of the client's timetable
	}
}

// TestWhatComesInTheLastMoment: when a connection is about to end, what has come until then is
// dealt with, all of it; then it ends.
func TestWhatComesInTheLastMoment(t *testing.T) {
	const moment = time.Second + 2*time.Millisecond // within the last look, of 5 ms
	for name, calls := range map[string]bool{"a frame": false, "a frame and a call": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
				defer stop()
				ours, theirs := newHalves()
				p.conns <- theirs
				synctest.Wait()
				begin := time.Now()
				var down sync.WaitGroup
				defer bounded.Wait(t, down.Wait)
				down.Go(func() { _ = s.Shutdown(context.Background()) })
				answers := readAll(ours)
				time.Sleep(moment)
				frames := native.Protocol{}.AppendCancel(nil, 5)
				if calls {
					frames = append(frames, request(t, 1, "M", "x")...)
				}
				if _, err := ours.Write(frames); err != nil {
					t.Fatal(err)
				}
				got := 0
				for a := range answers {
					if a.kind != 7 && a.err == nil && a.body == "x" {
						got++
					}
				}
				if at := time.Since(begin); !calls && at != moment {
					t.Errorf("ended after %v, want %v", at, moment)
				}
				if calls && got != 1 {
					t.Errorf("%d answers", got)
				}
				ours.Close()
			})
		})
	}
}
