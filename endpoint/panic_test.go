package endpoint

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// A function of the user's that is asked about a call panics, or ends the goroutine: that is
// its caller's, and the call leaves nothing behind, on no node and in no line.
func TestAFunctionThatPanicsIsItsCallers(t *testing.T) {
	panics := func() { panic("no such request") }
	idempotent := func(f func()) Option { return WithIdempotent(func(any) bool { f(); return true }) }
	retryIf := func(f func()) Option { return WithRetryIf(func(error) bool { f(); return true }) }
	slow := func(f *fleet) { // the second attempt fails beside the first, and then that does
		var made atomic.Int64
		f.do = func(_ muxpool.Node, ctx context.Context) error {
			if made.Add(1) == 1 {
				sleep(ctx, 1200*time.Millisecond)
			}
			return errLost
		}
	}
	lost := func(f *fleet) { f.do = script(errLost, errLost, errLost) }
	for name, c := range map[string]struct {
		nodes func(f *fleet)
		opts  []Option
		exits bool
	}{
		"WithIdempotent":              {lost, []Option{idempotent(panics)}, false},
		"WithIdempotent, Goexit":      {lost, []Option{idempotent(runtime.Goexit)}, true},
		"WithIdempotent, hedged":      {lost, []Option{idempotent(panics), WithHedging(time.Millisecond)}, false},
		"WithIdempotent, one attempt": {lost, []Option{idempotent(panics), WithRetry(1, 0)}, false},
		"WithRetryIf":                 {lost, []Option{WithIdempotent(Always), retryIf(panics)}, false},
		"WithRetryIf, Goexit":         {lost, []Option{WithIdempotent(Always), retryIf(runtime.Goexit)}, true},
		"WithRetryIf, hedged":         {lost, []Option{WithIdempotent(Always), retryIf(panics), WithHedging(time.Hour)}, false},
		"WithRetryIf, when overtaken": {slow, []Option{WithIdempotent(Always), retryIf(panics), WithRetry(3, 3*time.Second)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &shop{}
				c.nodes(&f.fleet)
				s := NewSet(sd.FixedInstancer{"a:1", "b:1", "c:1"}, nil, append([]Option{WithRetry(3, time.Minute), WithBackoff(1, 1)}, c.opts...)...)
				get := s.EndpointFrom("Get", f.factory)
				panicked, exited := any(nil), true
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { panicked = recover() }()
					get(context.Background(), "x")
					exited = false
				}()
				bounded.Receive(t, done)
				if e, ok := panicked.(*PanicError); ok { // carried here from another goroutine
					panicked = e.Value
				}
				if c.exits && !exited || !c.exits && panicked != "no such request" {
					t.Errorf("panicked with %v, exited %v", panicked, exited)
				}
				for _, n := range s.Nodes() {
					equal(t, "in flight at "+n.Node.Address, n.InFlight, 0)
				}
				equal(t, "waiting", s.waiting.Load(), 0)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := s.Shutdown(ctx); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// mute is an error that, as a nil pointer, panics when it is asked for its text.
type mute struct{ words string }

func (m *mute) Error() string { return m.words }

// Discovery's errors are somebody else's: one that panics when it is asked for its text ends nothing, and
// what is told in its place says so.
func TestDiscoverysErrorWithoutAText(t *testing.T) {
	var out bytes.Buffer
	d := discover()
	s := NewSet(d, log.NewLogfmtLogger(&out), WithoutWait())
	defer s.Close()
	for _, err := range []error{(*mute)(nil), (*mute)(nil), &mute{"away"}} {
		d.fails(s, err)
	}
	settle(s)
	_, err := s.EndpointFrom("Sum", (&shop{}).factory)(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "*endpoint.mute without a text") && !strings.Contains(err.Error(), "away") {
		t.Errorf("a call says %v", err)
	}
	var p Publisher
	for _, err := range []error{(*mute)(nil), (*mute)(nil), &mute{"away"}} {
		p.Fail(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Await(ctx); !strings.Contains(err.Error(), "away") {
		t.Errorf("Await says %v", err)
	}
}
