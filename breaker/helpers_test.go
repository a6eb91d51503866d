package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

var (
	nodeA = nodeN(0)
	nodeB = nodeN(1)
	nodeC = nodeN(2)

	errSick = errors.New("sick")
)

func nodeN(i int) muxpool.Node {
	return muxpool.Node{Network: "tcp", Address: fmt.Sprintf("10.0.0.%d:7000", i)}
}

// fixture is a group with the peers of its nodes, and all that it told.
type fixture struct {
	*breaker.Group
	t    *testing.T
	pool source

	mu      sync.Mutex
	changes []breaker.Change
}

// newFixture makes a group without jitter: times are exact.
func newFixture(t *testing.T, opts ...breaker.Option) *fixture {
	t.Helper()
	f := &fixture{t: t, Group: breaker.NewGroup(append([]breaker.Option{breaker.WithoutJitter()}, opts...)...)}
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	stop := f.Watch(&f.pool)
	cancel := f.Subscribe(func(c breaker.Change) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.changes = append(f.changes, c)
	})
	t.Cleanup(func() { cancel(); stop(); f.Close() })
	return f
}

// bubble runs test with a fake clock, and with a healthy node beside those of the
// test: an only node has rules of its own.
func bubble(t *testing.T, opts []breaker.Option, test func(f *fixture)) {
	t.Helper()
	alone(t, opts, func(f *fixture) {
		f.Hold(nodeN(99))
		test(f)
	})
}

// alone runs test with a fake clock.
func alone(t *testing.T, opts []breaker.Option, test func(f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newFixture(t, opts...)) })
}

// call has the node answer with err, and returns what the caller gets.
func (f *fixture) call(node muxpool.Node, err error) error {
	_, got := f.Middleware(node)(func(context.Context, any) (any, error) { return nil, err })(context.Background(), nil)
	return got
}

// slowCall has the node take d for its answer.
func (f *fixture) slowCall(node muxpool.Node, d time.Duration) error {
	_, got := f.Middleware(node)(func(context.Context, any) (any, error) {
		time.Sleep(d) // of bubble time
		return nil, nil
	})(context.Background(), nil)
	return got
}

func (f *fixture) calls(node muxpool.Node, n int, err error) {
	for range n {
		f.call(node, err)
	}
}

// state fails the test unless the node's breaker is in the state.
func (f *fixture) state(node muxpool.Node, want breaker.State) {
	f.t.Helper()
	if st, _ := f.StatusOf(node); st.State != want {
		f.t.Fatalf("%s is %s (%s: %v), want %s", node, st.State, st.Reason, st.Cause, want)
	}
}

// open fails the test unless Check refuses the node with the reason, and
// returns the error.
func (f *fixture) open(node muxpool.Node, reason breaker.Reason) *breaker.OpenError {
	f.t.Helper()
	var open *breaker.OpenError
	if err := f.Check(node); !errors.As(err, &open) {
		f.t.Fatalf("Check(%s) = %v, want an OpenError", node, err)
	}
	if open.Node != node || open.Reason != reason {
		f.t.Fatalf("%s is open for %q, want %s for %q", open.Node, open.Reason, node, reason)
	}
	return open
}

// told waits until all is told and returns it as words.
func (f *fixture) told() (words []string) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.changes {
		words = append(words, fmt.Sprintf("%s -> %s: %s", c.From, c.To, c.Reason))
	}
	return words
}

// emit tells of an event, as a pool would.
func (f *fixture) emit(node muxpool.Node, kind muxpool.EventKind, reason muxpool.Reason, err error) {
	f.pool.emit(muxpool.Event{Kind: kind, Node: node, Reason: reason, Err: err, Time: time.Now()})
}

func (f *fixture) expel(node muxpool.Node) {
	f.emit(node, muxpool.NodeExpelled, muxpool.ReasonDialFailed, muxpool.ErrConnectionsHaveBeenExpelled)
}

func (f *fixture) ready(node muxpool.Node) {
	f.emit(node, muxpool.NodeReady, muxpool.ReasonNone, nil)
}

// source is a pool's event side.
type source struct {
	mu   sync.Mutex
	subs []func(muxpool.Event)
}

func (s *source) Subscribe(f func(muxpool.Event)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subs = append(s.subs, f)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.subs = nil
	}
}

func (s *source) emit(ev muxpool.Event) {
	s.mu.Lock()
	subs := s.subs
	s.mu.Unlock()
	for _, f := range subs {
		f(ev)
	}
}

// gate is a node that answers when the test says so.
type gate struct {
	entered chan struct{}
	answer  chan error
}

func newGate() *gate { return &gate{make(chan struct{}, 16), make(chan error)} }

func (g *gate) endpoint(ctx context.Context, _ any) (any, error) {
	g.entered <- struct{}{}
	select {
	case err := <-g.answer:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// deaf is as endpoint, but ignores its context.
func (g *gate) deaf(context.Context, any) (any, error) {
	g.entered <- struct{}{}
	return nil, <-g.answer
}

var _ endpoint.Endpoint = (*gate)(nil).endpoint
