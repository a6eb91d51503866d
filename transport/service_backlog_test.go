package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestShutdownAcceptsWhatIsReady: connections that were made, and not yet accepted when
// Shutdown is called, are served as those are that were.
func TestShutdownAcceptsWhatIsReady(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			for range 3 { // it accepts for 200 ms, in which a busy machine may do something else
				if acceptsWhatIsReady(t, network) == 0 {
					return
				}
			}
			t.Error("calls were lost each time")
		})
	}
}

// acceptsWhatIsReady makes 50 connections with a call each and shuts their Service down before they are accepted.
func acceptsWhatIsReady(t *testing.T, network string) (lost int) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	// A deadline that has passed keeps Serve from accepting.
	if err := l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	tried := make(chan error, 100)
	s := serveOn(t, l, native.Protocol{}, map[string]*transport.Server{"M": rawServer(echo)},
		transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { tried <- err })))
	if err := wait(t, "Serve", tried); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	var conns []net.Conn
	for i := range 50 {
		nc, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(waitTime))
		if _, err := nc.Write(request(t, 1, "M", fmt.Sprint("nonce ", i))); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, nc)
	}
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(testContext(t)) }()
	for i, nc := range conns {
		a, err := readAnswer(nc)
		if err == nil && a.kind == 7 {
			a, err = readAnswer(nc)
		}
		if err != nil || a.body != fmt.Sprint("nonce ", i) {
			t.Logf("%d: got %+v, %v", i, a, err)
			lost++
		}
		nc.Close()
	}
	if err := wait(t, "Shutdown", down); err != nil {
		t.Error(err)
	}
	if nc, err := net.Dial(network, l.Addr().String()); err == nil {
		nc.Close()
		t.Error("the listener is open after Shutdown")
	}
	if err := s.Serve(listen(t)); !errors.Is(err, transport.ErrServiceClosed) {
		t.Errorf("Serve: %v", err)
	}
	return lost
}
