package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func servePacket(t *testing.T, methods map[string]*transport.Server, options ...transport.ServiceOption) *service {
	t.Helper()
	return servePacketProtocol(t, native.Protocol{}, methods, options...)
}

func servePacketProtocol(t *testing.T, p transport.ServerProtocol, methods map[string]*transport.Server, options ...transport.ServiceOption) *service {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := transport.NewService(p, options...)
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

// TestDatagramOverTheLimitIsDropped: nothing answers it, the operator hears its size and the limit, and the
// next one is served.
func TestDatagramOverTheLimitIsDropped(t *testing.T) {
	const limit = 1 << 10
	reports := make(chan error, 10)
	s := servePacket(t, map[string]*transport.Server{"Echo": rawServer(echo)}, transport.ServiceMaxFrameSize(limit),
		transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reports <- err })))
	nc, err := net.Dial("udp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	head := len(request(t, 1, "Echo", ""))
	for _, frame := range [][]byte{request(t, 1, "Echo", strings.Repeat("x", limit-head+1)), request(t, 2, "Echo", strings.Repeat("x", 20*limit)),
		request(t, 3, "Echo", strings.Repeat("x", limit-head))} {
		if _, err := nc.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 64<<10)
	n, err := nc.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := readAnswer(bytes.NewReader(buf[:n])); err != nil || a.err != nil || a.id != 3 || len(a.body) != limit-head {
		t.Errorf("the first answer is %+v, %v", a, err)
	}
	for _, size := range []int{limit + 1, 20*limit + head} {
		err := bounded.Receive(t, reports)
		if !errors.Is(err, muxpool.ErrFrameTooLarge) || !strings.Contains(err.Error(), fmt.Sprint(size)) || !strings.Contains(err.Error(), fmt.Sprint(limit)) {
			t.Errorf("of a datagram of %d bytes is reported: %v", size, err)
		}
	}
}
