package peertest

import (
	"errors"
	"net"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// Service is a *transport.Service, or an *http.Server, to those who serve it.
type Service interface {
	Serve(net.Listener) error
	Close() error
}

// Serve serves at an address, such as "127.0.0.1:0", until the test ends; Serve is to end with this error then.
func Serve(t testing.TB, s Service, address string, closed error) (at string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := bounded.Receive(t, ended); !errors.Is(err, closed) {
			t.Error("Serve ended with ", err)
		}
	})
	return l.Addr().String()
}
