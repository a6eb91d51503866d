//go:build !386

package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// noSocket has nobody asked but the function that looks.
type noSocket struct{ syscall.RawConn }

func (noSocket) Control(f func(fd uintptr)) error { f(0); return nil }

// told has f say, in the kernel's place, how far w's bytes have got.
func told(w *Writer, f func() Transit) {
	o := &odometer{raw: noSocket{}}
	o.look = func(uintptr) { o.last = f() }
	w.odometer = o
}

// TestAWriteHasItsTimeFromThePeersProgressOn: what the peer's kernel has acknowledged counts, and not what this
// one has taken, from when the write began; so it is with each write anew, and under TLS, where none can go on
// behind its deadline.
func TestAWriteHasItsTimeFromThePeersProgressOn(t *testing.T) {
	const timeout = looks * time.Second
	for name, row := range map[string]struct {
		gets  time.Duration // for so long the peer gets what is somewhere, each second
		tells bool          // the kernel does
		takes bool          // it takes a byte at the beginning
		fails time.Duration
	}{
		"the peer gets nowhere":          {0, true, false, timeout},
		"it gets on for 30 s":            {30 * time.Second, true, false, 30*time.Second + timeout},
		"it gets nowhere, the kernel on": {0, true, true, timeout},
		"nobody tells, the kernel on":    {0, false, true, 2 * timeout},
	} {
		for _, kind := range []string{"plain", "tls"} {
			if kind == "tls" && row.takes {
				continue // of a part of a record it takes nothing
			}
			for _, again := range []bool{false, true} {
				t.Run(name+"/"+kind, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						a, b := net.Pipe()
						defer a.Close()
						defer b.Close()
						var near, far net.Conn = a, b
						if kind == "tls" {
							near, far = tlsPair(t, a, b)
						}
						failed := make(chan error, 1)
						w := NewWriter(near, WriterConfig{Timeout: timeout, OnError: func(err error) { failed <- err }})
						begin := time.Now()
						told(w, func() Transit {
							passed := min(time.Since(begin), row.gets) / time.Second
							return Transit{Acked: 1<<20 + leastAcked*uint64(passed), Known: row.tells}
						})
						if again { // behind one that was written a minute ago
							write(t, w, make([]byte, 10))
							if _, err := io.ReadFull(far, make([]byte, 10)); err != nil {
								t.Fatal(err)
							}
							time.Sleep(time.Minute)
							w.odometer.mu.Lock()
							begin = time.Now()
							w.odometer.mu.Unlock()
						}
						write(t, w, make([]byte, 100))
						if row.takes {
							if _, err := far.Read(make([]byte, 1)); err != nil {
								t.Fatal(err)
							}
						}
						err := bounded.Receive(t, failed)
						if took := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || took != row.fails {
							t.Errorf("%v after %v, want that after %v", err, took, row.fails)
						}
					})
				})
			}
		}
	}
}

// TestTransitIsKnownWhileThereIsAConnection: of TLS on a socket as of the socket; of one that was reset, or is
// closed, it is not.
func TestTransitIsKnownWhileThereIsAConnection(t *testing.T) {
	for _, transport := range []string{"tcp", "tls", "tls alone"} {
		for _, end := range []string{"closed", "reset"} {
			a, b := pair(t, transport)
			w := NewWriter(a, WriterConfig{})
			if !w.Transit().Known {
				t.Errorf("%s: nobody tells", transport)
			}
			if end == "closed" {
				Bare(a).Close()
				if got := w.Transit(); got != (Transit{}) {
					t.Errorf("%s, closed: %+v", transport, got)
				}
				continue
			}
			if err := errors.Join(Bare(b).(*net.TCPConn).SetLinger(0), Bare(b).Close()); err != nil {
				t.Fatal(err)
			}
			for limit := new(bounded.Limit); w.Transit() != (Transit{}); time.Sleep(time.Millisecond) { // no event tells
				if limit.Over() {
					t.Fatalf("%s, reset: %+v", transport, w.Transit())
				}
			}
		}
	}
}
