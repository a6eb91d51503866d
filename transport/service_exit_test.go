package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// exiting are Servers that end their goroutine, each in another of its parts.
func exiting(options ...transport.ServerOption) map[string]*transport.Server {
	exit := func(context.Context, any) (any, error) { runtime.Goexit(); return nil, nil }
	with := func(o transport.ServerOption) []transport.ServerOption {
		return append([]transport.ServerOption{o}, options...)
	}
	return map[string]*transport.Server{
		"/t/Endpoint": rawServer(exit, options...),
		"/t/Decode": transport.NewServer(echo, func(context.Context, *transport.Message) (any, error) { runtime.Goexit(); return nil, nil },
			transport.EncodeBytes, options...),
		"/t/Encode": transport.NewServer(echo, transport.DecodeBytes, func(context.Context, *transport.Message, any) error { runtime.Goexit(); return nil },
			options...),
		"/t/Before": rawServer(echo, with(transport.ServerBefore(func(ctx context.Context, _ *transport.Message) context.Context { runtime.Goexit(); return ctx }))...),
		"/t/Errors": rawServer(func(context.Context, any) (any, error) { return nil, errors.New("no") },
			with(transport.ServerErrorEncoder(func(context.Context, error, *transport.Message) { runtime.Goexit() }))...),
	}
}

// TestCodeOfACallThatEndsItsGoroutine: in whatever protocol, on whatever goroutine, and
// wherever in a call that is, it alone fails, as internal; those beside it, on the same
// connection, get their answers.
func TestCodeOfACallThatEndsItsGoroutine(t *testing.T) {
	protocols := map[string]transport.ServerProtocol{"native": native.Protocol{}, "trpc": trpc.Protocol{},
		"jsonrpc 1.0": jsonrpc.Protocol{Version: jsonrpc.Version1}, "jsonrpc 2.0": jsonrpc.Protocol{Version: jsonrpc.Version2}}
	ways := map[string]struct {
		server  []transport.ServerOption
		service []transport.ServiceOption
	}{
		"default": {},
		"workers": {service: []transport.ServiceOption{transport.ServiceWorkers(2)}},
		"inline":  {server: []transport.ServerOption{transport.ServerInline()}},
	}
	for name, p := range protocols {
		for way, options := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					methods := exiting(options.server...)
					methods["/t/Echo"] = rawServer(echo, options.server...)
					pipes, _, stop := servePipesOf(t, p, methods, options.service...)
					defer stop()
					pool, err := muxpool.New(muxpool.WithConnectNumber(1), muxpool.WithDialContext(pipes.DialContext))
					if err != nil {
						t.Fatal(err)
					}
					defer pool.Close()
					var callers sync.WaitGroup
					for method := range methods {
						call := transport.NewClient(pool, pipeNode, p, method, transport.EncodeBytes, transport.DecodeBytes).Endpoint()
						for i := range 20 {
							callers.Go(func() {
								body := fmt.Sprint(i)
								got, err := call(testContext(t), []byte(body))
								var e *transport.Error
								switch {
								case method == "/t/Echo" && (err != nil || string(got.([]byte)) != body):
									t.Errorf("%s: %s, %v", method, got, err)
								case method != "/t/Echo" && (!errors.As(err, &e) || e.Code != transport.CodeInternal || e.NotRun):
									t.Errorf("%s: %v", method, err)
								}
							})
						}
					}
					bounded.Wait(t, callers.Wait)
					if n := pool.Stats().Counters.Dials; n != 1 {
						t.Errorf("%d connections were made", n)
					}
				})
			})
		}
	}
}

// noAnswers is a protocol whose answers end the goroutine that makes them.
type noAnswers struct{ native.Protocol }

func (noAnswers) AppendResponse([]byte, uint32, *transport.Message, *transport.Message) ([]byte, error) {
	runtime.Goexit()
	return nil, nil
}

// TestCallThatCannotBeAnsweredEndsItsConnection: its client hears of the end, and does not
// wait; nothing stays behind.
func TestCallThatCannotBeAnsweredEndsItsConnection(t *testing.T) {
	exits := transport.ServiceObserve(func(ctx context.Context, _ transport.ObservedCall) (context.Context, func(*transport.Message)) {
		runtime.Goexit()
		return ctx, nil
	})
	for name, tc := range map[string]struct {
		p       transport.ServerProtocol
		method  string
		server  []transport.ServerOption
		service []transport.ServiceOption
	}{
		"the protocol's answer":           {p: noAnswers{}, method: "Echo"},
		"the protocol's answer, inline":   {p: noAnswers{}, method: "Echo", server: []transport.ServerOption{transport.ServerInline()}},
		"the protocol's answer, no call":  {p: noAnswers{}, method: "Nowhere"},
		"an observer":                     {p: native.Protocol{}, method: "Echo", service: []transport.ServiceOption{exits}},
		"an observer, inline":             {p: native.Protocol{}, method: "Echo", server: []transport.ServerOption{transport.ServerInline()}, service: []transport.ServiceOption{exits}},
		"an observer, no call":            {p: native.Protocol{}, method: "Nowhere", service: []transport.ServiceOption{exits}},
		"an observer, one of two workers": {p: native.Protocol{}, method: "Echo", service: []transport.ServiceOption{exits, transport.ServiceWorkers(2)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s, stop := servePipesOf(t, tc.p, map[string]*transport.Server{"Echo": rawServer(echo, tc.server...)}, tc.service...)
				defer stop()
				nc := p.dial(t)
				defer nc.Close()
				answers := readAll(nc)
				if _, err := nc.Write(request(t, 1, tc.method, "x")); err != nil {
					t.Fatal(err)
				}
				for a := range answers {
					t.Errorf("answered: %+v", a)
				}
				synctest.Wait()
				if stats := s.Stats(); stats.Conns+stats.InFlight+stats.Working != 0 {
					t.Errorf("left are %+v", stats)
				}
			})
		})
	}
}

// lingering is a connection whose Read ends its goroutine once the end has begun.
type lingering struct {
	net.Conn
	armed atomic.Bool
}

func (l *lingering) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		l.armed.Store(true)
	}
	return l.Conn.SetReadDeadline(t)
}

func (l *lingering) Read(p []byte) (int, error) {
	if l.armed.Load() {
		runtime.Goexit()
	}
	return l.Conn.Read(p)
}

type lingeringListener struct{ net.Listener }

func (l lingeringListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	return &lingering{Conn: nc}, err
}

// TestGoroutineThatEndsInTheEnd: a connection is counted out, whatever ends its goroutine,
// also while the client is to read its last answers.
func TestGoroutineThatEndsInTheEnd(t *testing.T) {
	s := serveOn(t, lingeringListener{listen(t)}, native.Protocol{}, map[string]*transport.Server{"M": rawServer(echo)})
	nc := dialSite(t, s, false)
	defer nc.Close()
	if err := callOnce(t, nc); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(testContext(t)); err != nil {
		t.Error(err)
	}
}
