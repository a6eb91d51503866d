package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func servePacket(t *testing.T, methods map[string]*transport.Server, options ...transport.ServiceOption) *service {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := transport.NewService(native.Protocol{}, options...)
	for method, server := range methods {
		s.Handle(method, server)
	}
	done := make(chan error, 1)
	go func() { done <- s.ServePacket(pc) }()
	t.Cleanup(func() {
		s.Close()
		if err := bounded.Receive(t, done); !errors.Is(err, transport.ErrServiceClosed) {
			t.Errorf("ServePacket: %v", err)
		}
	})
	return &service{s, transport.Node{Network: "udp", Address: pc.LocalAddr().String()}}
}

func TestDatagrams(t *testing.T) {
	s := servePacket(t, map[string]*transport.Server{
		"Echo": rawServer(echo),
		"Big":  rawServer(func(context.Context, any) (any, error) { return make([]byte, 1<<20), nil }),
	})
	pool := newPool(t)
	call := rawClient(pool, s.node, "Echo")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				nonce := fmt.Sprintf("%d-%d", i, j)
				if got, err := call(testContext(t), []byte(nonce)); err != nil || string(got.([]byte)) != nonce {
					t.Errorf("%s: got %v, %v", nonce, got, err)
				}
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	if _, err := rawClient(pool, s.node, "Big")(testContext(t), []byte{}); asError(t, err).Code != transport.CodeTooLarge {
		t.Errorf("an answer that no datagram holds: %v", err)
	}
	if _, err := rawClient(pool, s.node, "Nope")(testContext(t), []byte{}); asError(t, err).Code != transport.CodeUnimplemented {
		t.Errorf("an unknown method: %v", err)
	}
}

func TestDatagramShutdownAnswersWhatItTook(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	s := servePacket(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
		close(started)
		<-release
		return r, nil
	})})
	got := make(chan error, 1)
	pool := newPool(t)
	go func() {
		_, err := rawClient(pool, s.node, "M")(testContext(t), []byte{})
		got <- err
	}()
	wait(t, "the call", started)
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(testContext(t)) }()
	close(release)
	if err := wait(t, "the answer", got); err != nil {
		t.Error(err)
	}
	if err := wait(t, "Shutdown", down); err != nil {
		t.Error(err)
	}
}
