package muxtest

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

func TestBaselineSeesLeaks(t *testing.T) {
	before := Baseline{Goroutines: Now().Goroutines, Descriptors: -1}
	before.Heap = Now().Heap
	if err := before.compare(Now()); err == nil && descriptors() >= 0 {
		t.Error("open descriptors were not seen")
	}
	before = Now()
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() { <-stop; close(stopped) }()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	heap := make([]byte, LeakHeap+1<<20)
	err = before.compare(Now())
	for _, leak := range []string{"goroutines", "descriptors", "heap"} {
		if descriptors() >= 0 && (err == nil || !strings.Contains(err.Error(), leak)) {
			t.Errorf("leaked %s were not seen: %v", leak, err)
		}
	}
	heap[0] = 1
	close(stop)
	bounded.Receive(t, stopped)
	f.Close()
	if err := before.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckLeaksPasses(t *testing.T) {
	CheckLeaks(t)
	p := NewPeer(nil)
	if _, err := p.Listen("tcp", "127.0.0.1:0", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
}

func TestTally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tally Tally
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if tally.Book(ctx, func() error { return nil }); tally.OK() != 1 || tally.Check(0) != nil {
			t.Errorf("%d, %v", tally.OK(), tally.Check(0))
		}
		late := func() error { time.Sleep(1100 * time.Millisecond); return context.DeadlineExceeded }
		if err := tally.Book(ctx, late); err != context.DeadlineExceeded || len(tally.Errors()) != 1 {
			t.Error(err)
		}
		if tally.Check(100*time.Millisecond) != nil || tally.Check(99*time.Millisecond) == nil {
			t.Error("the stay of 100 ms beyond the context")
		}
		never := make(chan struct{})
		go tally.Book(ctx, func() error { <-never; return ErrMismatch })
		synctest.Wait()
		if tally.InFlight() != 1 || tally.Check(time.Second) == nil {
			t.Error("a call that has not returned")
		}
		close(never)
		synctest.Wait()
		if tally.InFlight() != 0 || !errors.Is(tally.Check(time.Second), ErrMismatch) {
			t.Error("a mismatch")
		}
	})
}

func TestCertificates(t *testing.T) {
	ca, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	verify := func(der []byte, now time.Time) error {
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		_, err = leaf.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: "peer.example", CurrentTime: now})
		return err
	}
	good, err := ca.Issue("peer.example", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	bubble := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := errors.Join(verify(good.Certificate[0], time.Now()), verify(good.Certificate[0], bubble)); err != nil {
		t.Error(err)
	}
	expired, err := ca.IssueExpired("peer.example")
	if err != nil {
		t.Fatal(err)
	}
	var invalid x509.CertificateInvalidError
	if err := verify(expired.Certificate[0], time.Now()); !errors.As(err, &invalid) {
		t.Error(err)
	}
	dir := t.TempDir()
	cert, key, err := WritePair(dir, good)
	if err != nil || filepath.Dir(cert) != dir || filepath.Dir(key) != dir {
		t.Error(cert, key, err)
	}
	if file, err := ca.WriteCA(dir); err != nil || filepath.Dir(file) != dir {
		t.Error(file, err)
	}
}

// echoConn is a MuxConn that reads what is written.
type echoConn struct {
	muxpool.MuxConn
	got  []byte
	lies bool
}

func (e *echoConn) VID() uint32 { return 7 }

func (e *echoConn) Write(b []byte) error {
	e.got = append([]byte(nil), b...)
	if e.lies {
		e.got[12]++ // a bit of the nonce
	}
	return nil
}

func (e *echoConn) Read() ([]byte, error) { return e.got, nil }

func TestExchange(t *testing.T) {
	if err := Exchange(&echoConn{}, []byte("body")); err != nil {
		t.Error(err)
	}
	if err := Exchange(&echoConn{lies: true}, []byte("body")); !errors.Is(err, ErrMismatch) {
		t.Error(err)
	}
}

// TestDescriptorsOfWhoLooksAtTheMachine: who reads below /proc meanwhile has lost nothing.
func TestDescriptorsOfWhoLooksAtTheMachine(t *testing.T) {
	before := descriptors()
	f, err := os.Open("/proc/self/stat")
	if err != nil {
		t.Skip(err) // no Linux
	}
	defer f.Close()
	if n := descriptors(); n != before {
		t.Errorf("%d descriptors, %d before", n, before)
	}
}
