//go:build unix

package muxpool_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestGoodbyeOnAFullConnection: a peer that reads late gets the alert, too, for which the kernel
// had no room when it was said.
func TestGoodbyeOnAFullConnection(t *testing.T) {
	ca, err := muxtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("peer")
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := socketPair(t, syscall.SOCK_STREAM)
	greeted := make(chan error, 1)
	go func() {
		greeted <- tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12}).Handshake()
	}()
	dial := func(context.Context, string, string) (net.Conn, error) { return ours, nil }
	pool, err := muxpool.New(append([]muxpool.PoolOption{muxpool.WithDialContext(dial)}, world.OneConn...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{})
	opts.WithTLSConfig(&tls.Config{RootCAs: ca.Pool(), ServerName: "peer"})
	mc, err := pool.GetMuxConn(t.Context(), "tcp", "peer:1", opts)
	if err != nil {
		t.Fatal(err)
	}
	mc.Close()
	if err := bounded.Receive(t, greeted); err != nil {
		t.Fatal(err)
	}
	fillUp(t, ours) // with what is no record
	down := make(chan error, 1)
	go func() { down <- pool.Shutdown(context.Background()) }()
	select {
	case err := <-down:
		t.Errorf("ended (%v) before the peer had read anything", err)
		down <- err
	case <-time.After(100 * time.Millisecond): // of the peer's timetable
	}
	got, err := io.ReadAll(theirs)
	if err != nil {
		t.Error(err)
	}
	for bytes.HasPrefix(got, []byte("fill")) {
		got = got[len("fill"):]
	}
	const alert = 21
	if len(got) == 0 || got[0] != alert {
		t.Errorf("then came %q, and no alert", got)
	}
	if err := bounded.Receive(t, down); err != nil {
		t.Error(err)
	}
}
