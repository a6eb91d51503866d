package troubletest

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// inTime is the time of a call that ends by itself.
func inTime(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// within is the time of a call whose time is what ends it.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// pool has one connection a node, and gives a node up after two attempts, for which it has the time
// that the machine needs.
func pool(t *testing.T, opts ...muxpool.PoolOption) *muxpool.Multiplexed {
	t.Helper()
	opts = append([]muxpool.PoolOption{muxpool.WithConnectNumber(1), muxpool.WithReconnect(2, time.Millisecond, time.Millisecond), muxpool.WithDialTimeout(time.Minute)}, opts...)
	p, err := muxpool.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// listen returns a listener on a port of its own, and its node.
func listen(t *testing.T) (net.Listener, muxpool.Node) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, muxpool.Node{Network: "tcp", Address: l.Addr().String()}
}

// nobody is a node at which nothing listens: the port is taken, so that nobody else can.
func nobody(t *testing.T) muxpool.Node {
	t.Helper()
	return muxpool.Node{Network: "tcp", Address: peertest.Nobody(t)}
}

// peer is a program that is no Service: serve has each of its connections.
func peer(t *testing.T, serve func(nc net.Conn)) muxpool.Node {
	t.Helper()
	l, node := listen(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	open := make(map[net.Conn]bool)
	all.Add(1)
	go func() {
		defer all.Done()
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[nc] = true
			mu.Unlock()
			all.Add(1)
			go func() {
				defer all.Done()
				defer nc.Close()
				serve(nc)
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for nc := range open {
			nc.Close()
		}
		mu.Unlock()
		bounded.Wait(t, all.Wait)
	})
	return node
}

// requests is a peer that speaks native by hand: do has the id of each request, from the 0th on,
// and returns what is answered, and whether the peer goes on.
func requests(do func(nth int, id uint32) (answer []byte, more bool)) func(nc net.Conn) {
	return func(nc net.Conn) {
		for nth := 0; ; {
			id, frame, err := native.Protocol{}.Parse(nc)
			if err != nil {
				return
			}
			if (native.Protocol{}).ClassifyRequest(id, frame) != transport.RequestCall {
				continue
			}
			answer, more := do(nth, id)
			if _, err := nc.Write(answer); err != nil || !more {
				return
			}
			nth++
		}
	}
}

// answer is one of so many bytes.
func answer(id uint32, size int) []byte {
	frame, _ := native.Protocol{}.AppendResponse(nil, id, nil, &transport.Message{Body: make([]byte, size)})
	return frame
}

// answerOnce answers the first call, and hangs up when the second has come.
var answerOnce = requests(func(nth int, id uint32) ([]byte, bool) {
	if nth > 0 {
		return nil, false
	}
	return answer(id, 0), true
})

// silence reads and says nothing.
func silence(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) }

// service is one whose method Echo answers what it is asked, Hang when its caller has left,
// and Fail with failure.
func service(t *testing.T, p transport.ServerProtocol, failure error, options ...transport.ServiceOption) muxpool.Node {
	t.Helper()
	s := transport.NewService(p, options...)
	handle := func(method string, e func(context.Context, any) (any, error)) {
		s.Handle(method, transport.NewServer(e, transport.DecodeBytes, transport.EncodeBytes))
	}
	handle("Echo", func(_ context.Context, r any) (any, error) { return r, nil })
	handle("Hang", func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() })
	handle("Fail", func(context.Context, any) (any, error) { return nil, failure })
	return run(t, s)
}

// run serves s until the test ends.
func run(t *testing.T, s *transport.Service) muxpool.Node {
	t.Helper()
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	l, node := listen(t)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := bounded.Receive(t, done); !errors.Is(err, transport.ErrServiceClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return node
}

// client makes a Client of raw bytes.
func client(p muxpool.Pool, n muxpool.Node, protocol transport.Protocol, method string, options ...transport.ClientOption) *transport.Client {
	return transport.NewClient(p, n, protocol, method, transport.EncodeBytes, transport.DecodeBytes, options...)
}

// call makes one call with a body of so many bytes, in the native protocol.
func call(ctx context.Context, p muxpool.Pool, n muxpool.Node, method string, size int, options ...transport.ClientOption) error {
	_, err := client(p, n, native.Protocol{}, method, options...).Endpoint()(ctx, make([]byte, size))
	return err
}

// withTLS is the option of a Client that speaks TLS.
func withTLS(config *tls.Config) transport.ClientOption {
	return transport.ClientGetOptions(func(o *muxpool.GetOptions) { o.WithTLSConfig(config) })
}

// authority vouches for servers and clients.
func authority(t *testing.T) *muxtest.Authority {
	t.Helper()
	a, err := muxtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// trusting is the configuration of a client that trusts an authority.
func trusting(a *muxtest.Authority) *tls.Config {
	return &tls.Config{RootCAs: a.Pool(), MinVersion: tls.VersionTLS13}
}

// certificate is one for the loopback, or for the names.
func certificate(t *testing.T, a *muxtest.Authority, names ...string) tls.Certificate {
	t.Helper()
	if len(names) == 0 {
		names = []string{"127.0.0.1"}
	}
	c, err := a.Issue(names...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
