package native_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// waitTime is how long a test waits for what must come; reaching it is a failure.
const waitTime = 20 * time.Second

var networks = []string{"tcp", "tls"}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	t.Cleanup(cancel)
	return ctx
}

func wait[T any](t testing.TB, what string, done <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-done:
	case <-time.After(waitTime):
		t.Fatalf("%s: not within %v", what, waitTime)
	}
	return v
}

func newPool(t testing.TB, opts ...muxpool.PoolOption) *muxpool.Multiplexed {
	t.Helper()
	pool, err := muxpool.New(append([]muxpool.PoolOption{muxpool.WithConnectNumber(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// service is a Service with the methods Echo, Fail, Wait (answers its request when
// release is closed, and says in waiting that it has it) and Big (128 KiB).
type service struct {
	node             transport.Node
	client           func(pool muxpool.Pool, options ...transport.ClientOption) func(ctx context.Context, method string, body []byte) ([]byte, error)
	dial             func(t testing.TB) net.Conn
	release, waiting chan struct{}
	reports          chan error
}

const bigAnswer = 128 << 10

func serve(t testing.TB, over string, options ...transport.ServiceOption) *service {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, over, l, options...)
}

func serveOn(t testing.TB, over string, l net.Listener, options ...transport.ServiceOption) *service {
	t.Helper()
	s := &service{node: transport.Node{Network: "tcp", Address: l.Addr().String()},
		release: make(chan struct{}), waiting: make(chan struct{}, 100), reports: make(chan error, 100)}
	options = append(options, transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { s.reports <- err })))
	var config *tls.Config
	if over == "tls" {
		a, err := muxtest.NewAuthority()
		if err != nil {
			t.Fatal(err)
		}
		cert, err := a.Issue("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}))
		config = &tls.Config{RootCAs: a.Pool(), ServerName: "127.0.0.1"}
	}
	s.client = func(pool muxpool.Pool, options ...transport.ClientOption) func(context.Context, string, []byte) ([]byte, error) {
		return call(pool, s.node, config, options...)
	}
	s.dial = func(t testing.TB) net.Conn {
		t.Helper()
		nc, err := net.Dial("tcp", l.Addr().String())
		if err == nil && config != nil {
			nc = tls.Client(nc, config)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		_ = nc.SetDeadline(time.Now().Add(waitTime))
		return nc
	}
	served := transport.NewService(native.Protocol{}, options...)
	s.handle(served)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := served.Serve(l); !errors.Is(err, transport.ErrServiceClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { served.Close(); bounded.Wait(t, wg.Wait) })
	return s
}

func (s *service) handle(served *transport.Service) {
	for method, e := range map[string]func(context.Context, any) (any, error){
		"Echo": func(_ context.Context, r any) (any, error) { return r, nil },
		"Fail": func(context.Context, any) (any, error) { return nil, errors.New("it failed") },
		"Big":  func(context.Context, any) (any, error) { return make([]byte, bigAnswer), nil },
		"Wait": func(ctx context.Context, r any) (any, error) {
			s.waiting <- struct{}{}
			select {
			case <-s.release:
				return r, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	} {
		served.Handle(method, transport.NewServer(e, transport.DecodeBytes, transport.EncodeBytes))
	}
}

// call makes calls of raw bytes.
func call(pool muxpool.Pool, node transport.Node, config *tls.Config, options ...transport.ClientOption) func(context.Context, string, []byte) ([]byte, error) {
	options = append(options, transport.ClientGetOptions(func(o *muxpool.GetOptions) {
		if config != nil {
			o.WithTLSConfig(config)
		}
	}))
	return func(ctx context.Context, method string, body []byte) ([]byte, error) {
		answer, err := transport.NewClient(pool, node, native.Protocol{}, method, transport.EncodeBytes, transport.DecodeBytes, options...).Endpoint()(ctx, body)
		b, _ := answer.([]byte)
		return b, err
	}
}

// failure is the error of a call that must fail.
func (s *service) failure(t testing.TB, client func(context.Context, string, []byte) ([]byte, error), method string, body []byte) error {
	t.Helper()
	got, err := client(testContext(t), method, body)
	if err == nil {
		t.Fatalf("%s: answered with %d bytes", method, len(got))
	}
	return err
}

// hold begins n calls, waits until the server has them all, and returns what ends
// them: every one must be answered.
func (s *service) hold(t *testing.T, n int, client func(context.Context, string, []byte) ([]byte, error)) (end func()) {
	t.Helper()
	errs := make(chan error, n)
	for i := range n {
		go func() {
			want := fmt.Sprint("call ", i)
			got, err := client(testContext(t), "Wait", []byte(want))
			if err == nil && string(got) != want {
				err = fmt.Errorf("got %q, want %q", got, want)
			}
			errs <- err
		}()
	}
	for range n {
		wait(t, "a call to arrive", s.waiting)
	}
	return func() {
		t.Helper()
		close(s.release)
		for range n {
			if err := wait(t, "the calls", errs); err != nil {
				t.Errorf("a call beside it: %v", err)
			}
		}
	}
}

// onlyConn is the one connection of a pool that has dialed once.
func onlyConn(t *testing.T, pool *muxpool.Multiplexed) muxpool.ConnStats {
	t.Helper()
	s := pool.Stats()
	if len(s.Nodes) != 1 || s.ConnsClosed.Total() != 0 {
		t.Fatalf("%d dials, %+v: the connection was lost", s.Dials, s.Nodes)
	}
	conns := slices.DeleteFunc(s.Nodes[0].Conns, func(c muxpool.ConnStats) bool { return c.Bulk })
	if len(conns) != 1 {
		t.Fatalf("%d dials, %+v: not one connection", s.Dials, s.Nodes)
	}
	return conns[0]
}

// answer is a frame that a scripted client got.
type answer struct {
	id   uint32
	kind byte
	transport.Message
	err error
}

func write(t testing.TB, nc net.Conn, frames ...[]byte) {
	t.Helper()
	for _, frame := range frames {
		if _, err := nc.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
}

// readFrame reads one frame, whatever it is.
func readFrame(t testing.TB, nc net.Conn) answer {
	t.Helper()
	id, frame, err := native.Protocol{}.Parse(nc)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{id: id, kind: frame[5]}
	a.err = native.Protocol{}.ParseResponse(frame, &a.Message)
	return a
}

// read is readFrame that passes over settings.
func read(t testing.TB, nc net.Conn) answer {
	t.Helper()
	for {
		if a := readFrame(t, nc); a.kind != 8 {
			return a
		}
	}
}
