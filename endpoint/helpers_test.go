package endpoint

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// node is the TCP node of a letter.
func node(name string) muxpool.Node {
	return muxpool.Node{Network: "tcp", Address: name + ":1"}
}

// failure is an error that says whether the request was sent.
type failure struct {
	text string
	sent bool
}

func (e *failure) Error() string { return e.text }
func (e *failure) Sent() bool    { return e.sent }

var (
	errUnsent = &failure{"never left", false}
	errLost   = &failure{"answer lost", true}
)

// switchboard stands for a breaker.Group whose breakers a test opens by hand.
type switchboard struct {
	mu   sync.Mutex
	open map[muxpool.Node]*breaker.OpenError
	held map[muxpool.Node]int

	changes atomic.Uint64
	changed bell
}

func newSwitchboard(open ...muxpool.Node) *switchboard {
	s := &switchboard{open: map[muxpool.Node]*breaker.OpenError{}, held: map[muxpool.Node]int{}}
	for i, n := range open {
		s.open[n] = &breaker.OpenError{Node: n, Reason: breaker.ReasonNodeExpelled, RetryAfter: time.Duration(i+1) * time.Second,
			Cause: fmt.Errorf("cause of %s", n.Address)}
	}
	return s
}

func (s *switchboard) Check(n muxpool.Node) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.open[n]; e != nil {
		return e
	}
	return nil
}

// Changes is never the same: an index is made for each choice.
func (s *switchboard) Changes() uint64 { return s.changes.Add(1) }

// Changed tells of what close does, alone.
func (s *switchboard) Changed() <-chan struct{} { return s.changed.next() }

// trip opens breakers, besides those that are, and tells nobody.
func (s *switchboard) trip(nodes ...muxpool.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, e := range newSwitchboard(nodes...).open {
		s.open[n] = e
	}
}

// close closes breakers.
func (s *switchboard) close(nodes ...muxpool.Node) {
	s.mu.Lock()
	for _, n := range nodes {
		delete(s.open, n)
	}
	s.mu.Unlock()
	s.changed.ring()
}

func (s *switchboard) Guard(t breaker.Target) guard { return &switchGuard{s, t} }

// switchGuard is one switch.
type switchGuard struct {
	checker
	breaker.Target
}

// checker is what tests change of a switchboard.
type checker interface {
	Check(n muxpool.Node) error
}

func (g *switchGuard) Ready() bool  { return g.Check() == nil }
func (g *switchGuard) Check() error { return g.checker.Check(g.Node) }

func (g *switchGuard) Middleware() endpoint.Middleware { return guarding(g.Check) }

func (s *switchboard) Middleware(n muxpool.Node) endpoint.Middleware {
	return guarding(func() error { return s.Check(n) })
}

func guarding(check func() error) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			if err := check(); err != nil {
				return nil, err
			}
			return next(ctx, request)
		}
	}
}

func (s *switchboard) Hold(n muxpool.Node) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[n]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held[n]--
	}
}

func (s *switchboard) holds(n muxpool.Node) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[n]
}

func withBreakers(s scope) Option { return func(c *config) { c.scope = s } }

// fleet makes nodes that tell what they are asked.
type fleet struct {
	mu    sync.Mutex
	calls []string // addresses, in order
	do    func(n muxpool.Node, ctx context.Context) error
}

func (f *fleet) endpoint(n muxpool.Node) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		f.mu.Lock()
		f.calls = append(f.calls, n.Address)
		do := f.do
		f.mu.Unlock()
		if do != nil {
			if err := do(n, ctx); err != nil {
				return nil, err
			}
		}
		return fmt.Sprintf("%v from %s", request, n.Address), nil
	}
}

// nodes makes an Endpointer of the named nodes.
func (f *fleet) nodes(names ...string) FixedEndpointer {
	eps := make(FixedEndpointer, len(names))
	for i, name := range names {
		eps[i] = NewNodeEndpoint(node(name), f.endpoint(node(name)))
	}
	return eps
}

func (f *fleet) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

// script answers the calls in turn with the given errors, then with success.
func script(errs ...error) func(muxpool.Node, context.Context) error {
	var n atomic.Int64
	return func(muxpool.Node, context.Context) error {
		if i := int(n.Add(1)) - 1; i < len(errs) {
			return errs[i]
		}
		return nil
	}
}

// hang waits for the context, as a call to a black hole does.
func hang(_ muxpool.Node, ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func as[T error](t *testing.T, err error) T {
	t.Helper()
	var e T
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is no %T", err, err, e)
	}
	return e
}

func mustBe(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("error %v does not unwrap to %v", err, target)
		}
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
