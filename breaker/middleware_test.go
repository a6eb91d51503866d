package breaker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
)

func TestOpenRefusesAndNamesAll(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		called := false
		_, err := f.Middleware(nodeA)(func(context.Context, any) (any, error) { called = true; return nil, nil })(context.Background(), nil)
		var open *breaker.OpenError
		var sent interface{ Sent() bool }
		switch {
		case called:
			t.Error("an open breaker let a call pass")
		case !errors.As(err, &open) || open.Node != nodeA || open.Reason != breaker.ReasonConsecutiveFailures:
			t.Errorf("got %v", err)
		case !errors.Is(err, gobreaker.ErrOpenState) || !errors.Is(err, errSick):
			t.Errorf("%v unwraps to too little", err)
		case !errors.As(err, &sent) || sent.Sent():
			t.Errorf("%v does not say that nothing was sent", err)
		case open.RetryAfter.Round(time.Millisecond) != 500*time.Millisecond:
			t.Errorf("retry after %v", open.RetryAfter)
		}
		want := "breaker: tcp://10.0.0.0:7000 is out (consecutive failures), retry after 500ms: sick"
		if err.Error() != want {
			t.Errorf("text is %q", err)
		}
	})
}

func TestOneLifeOfABreaker(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, errSick) // the probe
		f.state(nodeA, breaker.Open)
		time.Sleep(999 * time.Millisecond)
		f.state(nodeA, breaker.Open) // twice as long
		time.Sleep(time.Millisecond)
		if err := f.call(nodeA, nil); err != nil {
			t.Fatalf("the probe got %v", err)
		}
		f.state(nodeA, breaker.Closed)
		want := []string{
			"closed -> open: consecutive failures",
			"open -> half-open: ejection over",
			"half-open -> open: probe failed",
			"open -> half-open: ejection over",
			"half-open -> closed: probe succeeded",
		}
		if got := f.told(); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// Late results land on the breaker that they belong to, not on its successor.
func TestLateResultsAreIgnored(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		peer := newGate()
		done := make(chan struct{})
		for range 8 {
			go func() { f.Middleware(nodeA)(peer.endpoint)(context.Background(), nil); done <- struct{}{} }()
		}
		synctest.Wait()
		f.expel(nodeA)
		f.ready(nodeA)
		f.call(nodeA, nil) // the probe: closed again
		for range 8 {
			peer.answer <- errSick
			<-done
		}
		f.state(nodeA, breaker.Closed)
		f.calls(nodeA, 4, errSick) // the first four in a row
		f.state(nodeA, breaker.Closed)
	})
}

// A panic that passes through a guarded call is the caller's own code: an encode
// function, a hook. It says nothing about the node, and a probe gives its place back.
func TestPanicOfTheCallersCodeIsNeutral(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		boom := func() {
			defer func() {
				if recover() != "boom" {
					t.Error("the panic was swallowed")
				}
			}()
			f.Middleware(nodeA)(func(context.Context, any) (any, error) { panic("boom") })(context.Background(), nil)
		}
		for range 50 {
			boom()
		}
		f.state(nodeA, breaker.Closed)
		f.Trip(nodeA, nil)
		time.Sleep(500 * time.Millisecond)
		boom()
		f.state(nodeA, breaker.HalfOpen)
		if st, _ := f.StatusOf(nodeA); st.Totals != (breaker.Totals{Neutral: 51}) {
			t.Errorf("%+v, want 51 neutral calls", st.Totals)
		}
		f.call(nodeA, nil)
		f.state(nodeA, breaker.Closed)
	})
}

func TestInvalidGroupFailsEveryCall(t *testing.T) {
	g := breaker.NewGroup(breaker.WithMaxEjection(2), nil, breaker.WithProbes(-1))
	defer g.Close()
	_, err := g.Middleware(nodeA)(endpoint.Nop)(context.Background(), nil)
	for name, err := range map[string]error{"Err": g.Err(), "call": err, "Check": g.Check(nodeA)} {
		if !errors.Is(err, breaker.ErrInvalidOption) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, wrong := range []string{"WithMaxEjection(2)", "a nil Option", "WithProbes(-1)"} {
			if !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s does not tell of %s: %v", name, wrong, err)
			}
		}
	}
}

func TestCallWithAnEndedContextIsNotJudged(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancel()
		ep := f.Middleware(nodeA)(func(ctx context.Context, _ any) (any, error) { return nil, ctx.Err() })
		for range 10 {
			ep(ctx, nil)
		}
		f.state(nodeA, breaker.Closed)
	})
}

// So is one whose caller has left before it begins: it is not even counted.
func TestCallOfWhoHasLeftIsNotJudged(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for _, err := range []error{nil, errSick, context.Canceled} {
			f.Middleware(nodeA)(func(context.Context, any) (any, error) { return nil, err })(ctx, nil)
		}
		if st, _ := f.StatusOf(nodeA); st.Totals != (breaker.Totals{}) {
			t.Errorf("%+v", st.Totals)
		}
	})
}

func TestClosedCallsDoNotAllocate(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	ep := g.Middleware(nodeA)(endpoint.Nop)
	ctx := context.Background()
	if n := bounded.Allocs(100, func() { ep(ctx, nil); g.Check(nodeA) }); n != 0 {
		t.Errorf("%v allocations per call", n)
	}
}

func TestClosedGroupPassesCalls(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.expel(nodeA)
		f.Close()
		f.Close()
		f.expel(nodeA)
		f.Trip(nodeB, nil)
		for range 10 {
			if err := f.call(nodeA, errSick); err != errSick {
				t.Fatalf("got %v", err)
			}
			if err := f.call(nodeC, errSick); err != errSick {
				t.Fatalf("got %v", err)
			}
		}
	})
}
