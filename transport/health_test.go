package transport_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// What a Service says of itself, and what its HTTP handler answers, from its making to its
// end.
func TestHealthFollowsTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPipes(), transport.NewService(native.Protocol{})
		h := s.HealthHandler()
		get := func(method, path string) int {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			return w.Code
		}
		check := func(when string, whole, pay, other transport.HealthStatus) {
			t.Helper()
			statuses := map[transport.HealthStatus]int{transport.HealthServing: 200, transport.HealthNotServing: 503, transport.HealthUnknown: 404}
			for name, want := range map[string]transport.HealthStatus{"": whole, "pay": pay, "other": other} {
				if got := s.Health(name); got != want {
					t.Errorf("%s: %q is %v, want %v", when, name, got, want)
				}
				if got := get("GET", "/readyz?service="+name); got != statuses[want] {
					t.Errorf("%s: /readyz of %q is %d", when, name, got)
				}
			}
			if got := get("GET", "/healthz"); got != 200 {
				t.Errorf("%s: /healthz is %d", when, got)
			}
		}
		const unknown, serving, not = transport.HealthUnknown, transport.HealthServing, transport.HealthNotServing
		check("before Serve", not, unknown, unknown)
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(p) }()
		synctest.Wait()
		check("served", serving, unknown, unknown)
		s.SetServing("pay", true)
		check("pay is known", serving, serving, unknown)
		s.SetServing("pay", false)
		check("pay does not serve", serving, not, unknown)
		s.SetServing("pay", true)
		s.SetServing("", false)
		check("the whole does not", not, not, unknown)
		s.SetServing("", true)
		check("it does again", serving, serving, unknown)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		s.SetServing("", true)
		check("after Shutdown", not, not, unknown)
		bounded.Receive(t, ended)
		if got := get("POST", "/readyz"); got != http.StatusMethodNotAllowed {
			t.Errorf("POST: %d", got)
		}
		bad := transport.NewService(native.Protocol{}, nil)
		w := httptest.NewRecorder()
		bad.HealthHandler().ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		if w.Code != 500 || strings.Contains(w.Body.String(), "nil ServiceOption") {
			t.Errorf("invalid options: %d %s", w.Code, w.Body)
		}
		synctest.Wait()
	})
}

// What the HTTP handler's answers say, which nobody on the way may keep.
func TestWhatProbesRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
		s.SetServing("pay", false)
		synctest.Wait()
		read := func(s *transport.Service, path string, code int, body string) {
			t.Helper()
			w := httptest.NewRecorder()
			s.HealthHandler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != code || w.Body.String() != body || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %q, Cache-Control %q; want %d %q, no-store", path, w.Code, w.Body, w.Header().Get("Cache-Control"), code, body)
			}
		}
		read(s, "/healthz", 200, "ok\n")
		read(s, "/readyz", 200, "serving\n")
		read(s, "/readyz?service=pay", 503, "not serving\n")
		read(s, "/readyz?service=other", 404, "unknown\n")
		stop()
		read(s, "/healthz", 200, "ok\n")
		read(s, "/readyz", 503, "not serving\n")
		read(transport.NewService(native.Protocol{}, nil), "/healthz", 500, "invalid options\n")
	})
}

// Who has lost all listeners does not serve, and serves again with another.
func TestHealthWithoutListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := transport.NewService(native.Protocol{})
		s.Handle("M", rawServer(echo))
		listeners := []*pipes{newPipes(), newPipes(), newPipes()}
		ended := make(chan error, len(listeners))
		check := func(when string, want transport.HealthStatus) {
			t.Helper()
			synctest.Wait()
			if got := s.Health(""); got != want {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		serve := func(p *pipes) { go func() { ended <- s.Serve(p) }() }
		serve(listeners[0])
		serve(listeners[1])
		check("with two", transport.HealthServing)
		listeners[0].Close()
		check("with one", transport.HealthServing)
		listeners[1].Close()
		check("with none", transport.HealthNotServing)
		serve(listeners[2])
		check("with a new one", transport.HealthServing)
		s.Close()
		for range listeners {
			bounded.Receive(t, ended)
		}
		check("after Close", transport.HealthNotServing)
	})
}

// The method's bytes: who asks is answered at once, who watches at the next change, at the
// deadline, or after a minute. Who watches takes no worker's place, and no Shutdown's time.
func TestHealthOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceWorkers(1))
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		id := uint32(0)
		ask := func(body string, timeout time.Duration) {
			id++
			frame, err := native.Protocol{}.AppendRequest(nil, id, &transport.Message{Method: "mux.health", Body: []byte(body), Timeout: timeout})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nc.Write(frame); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		expect := func(what string, want ...answer) {
			t.Helper()
			synctest.Wait()
			got := make(map[uint32]string)
			for len(answers) > 0 {
				a := <-answers
				got[a.id] = a.body
			}
			if len(got) != len(want) {
				t.Errorf("%s: %d answers: %q", what, len(got), got)
			}
			for _, a := range want {
				if got[a.id] != a.body {
					t.Errorf("%s: call %d is answered with %q, want %q", what, a.id, got[a.id], a.body)
				}
			}
		}
		ask("", 0)
		expect("an empty body", answer{id: 1, body: "\x01"})
		ask("\xffpay", 0)
		expect("of a name that is unknown", answer{id: 2, body: "\x00"})
		ask("\x02", 0)
		expect("of a change that was before", answer{id: 3, body: "\x01"})
		ask("\x01", 0)    // 4
		ask("\x00pay", 0) // 5
		ask("\x01", 0)    // 6
		expect("watching")
		if _, err := nc.Write(request(t, 100, "M", "x")); err != nil {
			t.Fatal(err)
		}
		expect("beside watchers, under one worker", answer{id: 100, body: "x"})
		if m := s.Stats().Methods; len(m) != 1 {
			t.Errorf("the methods are %v", m)
		}
		s.SetServing("pay", true)
		expect("pay is known", answer{id: 5, body: "\x01"})
		s.SetServing("", false)
		expect("the whole", answer{id: 4, body: "\x02"}, answer{id: 6, body: "\x02"})
		ask("\x02", 10*time.Second) // 7
		ask("\x02", 0)              // 8
		time.Sleep(10*time.Second - 1)
		expect("before the deadline")
		time.Sleep(time.Nanosecond)
		expect("at the deadline", answer{id: 7, body: "\x02"})
		time.Sleep(50 * time.Second)
		expect("after a minute", answer{id: 8, body: "\x02"})
		s.SetServing("", true)
		ask("\x01", 0)    // 9
		ask("\x02pay", 0) // 10: it is serving
		expect("again", answer{id: 10, body: "\x01"})
		shut := make(chan error, 1)
		go func() { shut <- s.Shutdown(context.Background()) }()
		expect("when it shuts down", answer{id: 9, body: "\x02"}, answer{id: 0, body: ""}) // 0: going away
		ask("\x02", 0)                                                                     // 11
		expect("while it shuts down", answer{id: 11, body: "\x02"})
		nc.Close()
		if err := bounded.Receive(t, shut); err != nil {
			t.Error(err)
		}
	})
}

// oldNative is the native protocol of peers that know nothing of health.
type oldNative struct {
	native.Protocol
	HealthMethod struct{}
}

// A Client's question, its watch, and its probe.
func TestClientAsksForHealth(t *testing.T) {
	svc := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	pool, ctx := newPool(t), testContext(t)
	client := func(p transport.Protocol, node transport.Node, options ...transport.ClientOption) *transport.Client {
		return transport.NewClient(pool, node, p, "M", transport.EncodeBytes, transport.DecodeBytes, options...)
	}
	for name, c := range map[string]*transport.Client{"a client": client(native.Protocol{}, svc.node), "a one-way client": client(native.Protocol{}, svc.node, transport.ClientOneWay())} {
		if got, err := c.Health(ctx, ""); got != transport.HealthServing || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	unasked := func(ctx context.Context, _ *transport.Message) context.Context { t.Error("a hook has run"); return ctx }
	hooked := client(native.Protocol{}, svc.node, transport.ClientBefore(unasked), transport.ClientAfter(unasked),
		transport.ClientFinalizer(func(context.Context, error) { t.Error("a finalizer has run") }), transport.ClientTimeout(time.Nanosecond))
	if got, err := hooked.Health(ctx, ""); got != transport.HealthServing || err != nil {
		t.Errorf("a client with hooks: %v, %v", got, err)
	}
	c := client(native.Protocol{}, svc.node)
	if answered, err := c.Probe(ctx); !answered || err != nil {
		t.Errorf("a probe of a node that serves: %v, %v", answered, err)
	}
	watched := make(chan transport.HealthStatus, 1)
	go func() {
		got, err := c.WatchHealth(ctx, "", transport.HealthServing)
		if err != nil {
			t.Error(err)
		}
		watched <- got
	}()
	svc.SetServing("", false)
	if got := wait(t, "the change", watched); got != transport.HealthNotServing {
		t.Errorf("the watch is told %v", got)
	}
	if answered, err := c.Probe(ctx); !answered || !errors.Is(err, transport.ErrNotServing) {
		t.Errorf("a probe of a node that does not serve: %v, %v", answered, err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := c.WatchHealth(short, "", transport.HealthNotServing); verdict.Of(err).Code != verdict.CodeDeadlineExceeded {
		t.Errorf("a watch without a change: %v", err)
	}

	old := serveProtocol(t, oldNative{}, map[string]*transport.Server{"M": rawServer(echo)})
	c = client(native.Protocol{}, old.node)
	if _, err := c.Health(ctx, ""); verdict.Of(err).Code != verdict.CodeUnimplemented {
		t.Errorf("an old server: %v", err)
	}
	if answered, err := c.Probe(ctx); !answered || err != nil {
		t.Errorf("a probe of an old server: %v, %v", answered, err)
	}
	if _, err := client(trpc.Protocol{}, old.node).Health(ctx, ""); verdict.Of(err).Code != verdict.CodeUnimplemented || verdict.Of(err).Ran != verdict.NotSent {
		t.Errorf("a protocol that has no such method: %v", err)
	}
	s := transport.NewService(oldHealth{})
	if s.Handle("health", rawServer(echo)); !errors.Is(s.Err(), transport.ErrInvalidOption) {
		t.Errorf("a Server for the protocol's own method: %v", s.Err())
	}
	for body, s := range map[string]*transport.Server{
		"empty": rawServer(func(context.Context, any) (any, error) { return []byte{}, nil }),
		"odd":   rawServer(func(context.Context, any) (any, error) { return []byte{77}, nil }),
	} {
		liar := serveProtocol(t, oldNative{}, map[string]*transport.Server{"health": s})
		if _, err := client(oldHealth{}, liar.node).Health(ctx, ""); verdict.Of(err).Code != verdict.CodeBadResponse {
			t.Errorf("an answer that is %s: %v", body, err)
		}
	}
}

// A watch asks again where a minute has brought no change, and tells of the next one.
func TestAWatchOutlastsItsQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
		defer stop()
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(p.DialContext))
		defer pool.Close()
		c := transport.NewClient(pool, pipeNode, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes)
		start := time.Now()
		time.AfterFunc(150*time.Second, func() { s.SetServing("", false) })
		got, err := c.WatchHealth(context.Background(), "", transport.HealthServing)
		if took := time.Since(start); got != transport.HealthNotServing || err != nil || took < 150*time.Second || took > 151*time.Second {
			t.Errorf("after %v the watch is told %v, %v", took, got, err)
		}
	})
}

// oldHealth has another method for health on the client's side than a Service answers.
type oldHealth struct{ oldNative }

func (oldHealth) HealthMethod() string { return "health" }
