package deadline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// pair is a context of package context and one of ours, made and treated alike.
type pair struct {
	theirs, ours             context.Context
	cancelTheirs, cancelOurs context.CancelFunc
	log                      []string
}

// step does something to both.
func (p *pair) step(name string, f func()) {
	f()
	synctest.Wait()
	p.log = append(p.log, name)
}

// differ says in what the two differ, or nothing.
func (p *pair) differ(askDone bool) string {
	state := func(c context.Context) string {
		d, ok := c.Deadline()
		ended := ""
		if askDone {
			select {
			case <-c.Done():
				ended = "Done is closed"
			default:
				ended = "Done is open"
			}
		}
		return fmt.Sprint(d.Format(time.StampMicro), ok, c.Err(), context.Cause(c), c.Value(key{}), ended)
	}
	if theirs, ours := state(p.theirs), state(p.ours); theirs != ours {
		return fmt.Sprintf("after %q: ours %s, theirs %s", p.log, ours, theirs)
	}
	return ""
}

type key struct{}

// TestLikeContext: whatever happens in whatever order, a Context says what one of
// package context says, also to contexts derived from it.
func TestLikeContext(t *testing.T) {
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			root := context.WithValue(context.Background(), key{}, "kept")
			if r.IntN(2) == 0 {
				var cancel context.CancelFunc
				d := time.Duration(r.IntN(8))*time.Second + time.Second/2 // never at the moment of another
				root, cancel = context.WithTimeoutCause(root, d, errors.New("the root's time is over"))
				defer cancel()
			}
			root, cancelRoot := context.WithCancelCause(root)
			defer cancelRoot(nil)
			var p pair
			d := time.Duration(r.IntN(10)-1) * time.Second
			p.theirs, p.cancelTheirs = context.WithTimeout(root, d)
			p.ours, p.cancelOurs = deadline.WithTimeout(root, d)
			defer func() { p.cancelTheirs(); p.cancelOurs() }()
			if r.IntN(3) == 0 { // one on top of the other
				outer := time.Duration(r.IntN(10)) * time.Second
				below, belowCancel := p.theirs, p.cancelTheirs
				p.theirs, p.cancelTheirs = context.WithTimeout(below, outer)
				ours, oursCancel := p.ours, p.cancelOurs
				p.ours, p.cancelOurs = deadline.WithTimeout(ours, outer)
				if r.IntN(2) == 0 {
					defer p.cancelTheirs()
					defer p.cancelOurs()
					p.cancelTheirs, p.cancelOurs = belowCancel, oursCancel
				}
			}
			askDone := r.IntN(2) == 0
			for range 8 {
				switch r.IntN(6) {
				case 0:
					p.step("cancel", func() { p.cancelTheirs(); p.cancelOurs() })
				case 1:
					p.step("cancel the root", func() { cancelRoot(errors.New("the cause")) })
				case 2, 3:
					p.step("a second", func() { time.Sleep(time.Second) }) // of the bubble's time
				case 4:
					p.step("derive", func() {
						theirs, cancel := context.WithCancel(p.theirs)
						t.Cleanup(cancel)
						ours, cancel := context.WithCancel(p.ours)
						t.Cleanup(cancel)
						p.theirs, p.ours = theirs, ours
						p.cancelTheirs, p.cancelOurs = func() {}, func() {}
					})
				case 5:
					askDone = true
				}
				if text := p.differ(askDone); text != "" {
					t.Fatalf("seed %d: %s", seed, text)
				}
			}
		})
	}
}

func TestDoneIsClosedAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		ctx, cancel := deadline.WithTimeout(t.Context(), time.Second)
		defer cancel()
		<-ctx.Done()
		if d := time.Since(begin); d != time.Second || ctx.Err() != context.DeadlineExceeded {
			t.Errorf("after %v: %v", d, ctx.Err())
		}
	})
}

func TestWithDeadlineZero(t *testing.T) {
	ctx, cancel := deadline.WithDeadline(context.Background(), time.Time{})
	if d, ok := ctx.Deadline(); ok || ctx.Err() != nil {
		t.Errorf("deadline %v, %v", d, ctx.Err())
	}
	cancel()
	if <-ctx.Done(); ctx.Err() != context.Canceled {
		t.Error(ctx.Err())
	}
}

// TestDeadlineThatNobodyNoticed is the one difference to package context.
func TestDeadlineThatNobodyNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, noticed := range []bool{false, true} {
			ctx, cancel := deadline.WithTimeout(t.Context(), time.Second)
			time.Sleep(2 * time.Second) // of the bubble's time
			want := context.Canceled
			if noticed {
				want = context.DeadlineExceeded
				_ = ctx.Err()
			}
			cancel()
			if ctx.Err() != want {
				t.Errorf("noticed %v: %v", noticed, ctx.Err())
			}
		}
	})
}

// TestDerivedContextsNeedNoGoroutine: they find what the Context became.
func TestDerivedContextsNeedNoGoroutine(t *testing.T) {
	ctx, cancel := deadline.WithTimeout(t.Context(), time.Hour)
	before := runtime.NumGoroutine()
	for range 100 {
		_, stop := context.WithCancel(ctx)
		defer stop()
	}
	if n := runtime.NumGoroutine() - before; n > 0 {
		t.Errorf("%d goroutines for 100 contexts", n)
	}
	cancel()
}

// embedding is a type that adds something to a Context.
type embedding struct {
	deadline.Context
	added int
}

func TestOf(t *testing.T) {
	own, cancel := deadline.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	e := &embedding{added: 1}
	e.Init(own, time.Time{})
	for _, c := range []struct {
		ctx  context.Context
		want *deadline.Context
	}{
		{own, own.(*deadline.Context)},
		{e, &e.Context},
		{t.Context(), nil},
		{context.WithValue(own, key{}, 1), nil}, // the value is not the Context's
		{nil, nil},
	} {
		if got := deadline.Of(c.ctx); got != c.want {
			t.Errorf("of %T: %p, want %p", c.ctx, got, c.want)
		}
	}
	if e.Base() != t.Context() {
		t.Errorf("the base is %v", e.Base())
	}
	if d, _ := own.Deadline(); d.IsZero() {
		t.Error("no deadline")
	} else if got, ok := e.Deadline(); !ok || !got.Equal(d) {
		t.Errorf("what has no deadline of its own says %v, %v", got, ok)
	}
}

// A deadline that holds for the wall clock only is kept by the monotonic one, as one of
// package context is.
func TestDeadlineWithoutMonotonicReading(t *testing.T) {
	at := time.Now().Add(time.Hour).Round(0)
	ctx, cancel := deadline.WithDeadline(t.Context(), at)
	defer cancel()
	if got, ok := ctx.Deadline(); !ok || !got.Round(0).Equal(at) || got.Round(0) == got {
		t.Errorf("the deadline is %v, want %v with a monotonic reading", got, at)
	}
	past, cancel := deadline.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	if past.Err() != context.DeadlineExceeded {
		t.Error(past.Err())
	}
}

// hooked is a context whose Err does something before it tells.
type hooked struct {
	context.Context
	before func()
}

func (h *hooked) Err() error {
	err := h.Context.Err()
	h.before()
	return err
}

// TestErrIsAlwaysTheSame: where two ends come at the same time, whoever asks hears of
// the same one, then and later.
func TestErrIsAlwaysTheSame(t *testing.T) {
	for name, end := range map[string]func(context.Context, context.CancelFunc){
		"the deadline": func(ctx context.Context, _ context.CancelFunc) { _ = ctx.Err() },
		"Cancel":       func(_ context.Context, cancel context.CancelFunc) { cancel() },
		"Done":         func(ctx context.Context, _ context.CancelFunc) { <-ctx.Done() },
	} {
		synctest.Test(t, func(t *testing.T) {
			below, cancelBelow := context.WithCancel(t.Context())
			var ctx context.Context
			var looks atomic.Int32
			said := make(chan error, 1)
			parent := &hooked{below, func() {
				// While c decides how it ends, its parent is cancelled, and somebody asks.
				if looks.Add(1) == 2 {
					cancelBelow()
					go func() { said <- ctx.Err() }()
					runtime.Gosched()
				}
			}}
			ctx, cancel := deadline.WithTimeout(parent, time.Second)
			defer cancel()
			time.Sleep(2 * time.Second) // of the bubble's time
			end(ctx, cancel)
			cancelBelow()
			if looks.Load() < 2 {
				_ = ctx.Err()
			}
			select {
			case first := <-said:
				if later := ctx.Err(); later != first {
					t.Errorf("%s: first %v, later %v", name, first, later)
				}
			case <-time.After(time.Second):
				if ctx.Err() == nil {
					t.Errorf("%s: it has not ended", name)
				}
			}
		})
	}
}

// A time that has passed when the context is made has ended it, whatever comes after.
func TestATimeThatHasPassed(t *testing.T) {
	for name, with := range map[string]func() (context.Context, context.CancelFunc){
		"WithTimeout": func() (context.Context, context.CancelFunc) { return deadline.WithTimeout(t.Context(), 0) },
		"WithDeadline": func() (context.Context, context.CancelFunc) {
			return deadline.WithDeadline(t.Context(), time.Now().Add(-1))
		},
	} {
		ctx, cancel := with()
		cancel()
		if err := ctx.Err(); err != context.DeadlineExceeded {
			t.Errorf("%s: %v", name, err)
		}
	}
}
