package deadline_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// A cause is told however the context was used before, and to contexts derived from it; what
// ended the context before counts.
func TestCancelCauseTellsItsCause(t *testing.T) {
	cause := errors.New("overtaken")
	for name, c := range map[string]struct {
		limit time.Duration // of its own
		ask   bool          // for Done
		late  bool          // its time is over before
		want  error
		err   error
	}{
		"plain":                       {0, false, false, cause, context.Canceled},
		"asked for Done":              {0, true, false, cause, context.Canceled},
		"deadline of its own":         {time.Second, false, false, cause, context.Canceled},
		"deadline, and asked":         {time.Second, true, false, cause, context.Canceled},
		"no cause":                    {0, false, false, context.Canceled, context.Canceled},
		"no cause, and asked":         {0, true, false, context.Canceled, context.Canceled},
		"no cause, deadline, asked":   {time.Second, true, false, context.Canceled, context.Canceled},
		"too late":                    {time.Second, true, true, context.DeadlineExceeded, context.DeadlineExceeded},
		"too late, and nobody looked": {time.Second, false, true, context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ctx deadline.Context
				limit := time.Time{}
				if c.limit > 0 {
					limit = time.Now().Add(c.limit)
				}
				ctx.Init(t.Context(), limit)
				ctx.WithCauses()
				defer ctx.Cancel()
				derived := context.WithValue(&ctx, key{}, "v")
				if c.ask {
					select {
					case <-ctx.Done():
						t.Error("done")
					default:
					}
				}
				child, cancel := context.WithCancel(derived)
				if !c.ask {
					child = derived
				}
				defer cancel()
				if c.late {
					time.Sleep(2 * time.Second)
				}
				if c.want == context.Canceled {
					ctx.Cancel()
				} else {
					ctx.CancelCause(cause)
				}
				ctx.CancelCause(errors.New("another"))
				synctest.Wait()
				for what, ctx := range map[string]context.Context{"itself": &ctx, "with a value": derived, "a child": child} {
					if ctx.Err() != c.err || context.Cause(ctx) != c.want {
						t.Errorf("%s: %v, %v", what, ctx.Err(), context.Cause(ctx))
					}
				}
				if !ctx.Canceled() {
					t.Error("Canceled is false")
				}
			})
		})
	}
}

// followed is a context that counts those that follow it.
type followed struct {
	context.Context
	done chan struct{}
	by   atomic.Int64
}

func (c *followed) Done() <-chan struct{} { return c.done }

// AfterFunc is what package context asks of contexts that are not its own.
func (c *followed) AfterFunc(func()) (stop func() bool) {
	c.by.Add(1)
	return func() bool { c.by.Add(-1); return true }
}

// A parent that lives on holds nothing of a context that has ended, whatever it was asked for.
func TestAParentForgetsWhoHasEnded(t *testing.T) {
	for name, c := range map[string]struct {
		limit  time.Duration // of its own
		causes bool
	}{"plain": {0, false}, "deadline of its own": {time.Hour, false}, "causes": {0, true}, "deadline and causes": {time.Hour, true}} {
		for end, cancel := range map[string]func(*deadline.Context){
			"Cancel": (*deadline.Context).Cancel, "CancelCause": func(ctx *deadline.Context) { ctx.CancelCause(errors.New("overtaken")) },
		} {
			parent := &followed{Context: t.Context(), done: make(chan struct{})}
			var limit time.Time
			if c.limit > 0 {
				limit = time.Now().Add(c.limit)
			}
			var ctx deadline.Context
			ctx.Init(parent, limit)
			if c.causes {
				ctx.WithCauses()
			}
			if ctx.Done(); parent.by.Load() != 1 {
				t.Errorf("%s: it follows %d times", name, parent.by.Load())
			}
			if cancel(&ctx); parent.by.Load() != 0 {
				t.Errorf("%s, %s: it is followed still", name, end)
			}
		}
	}
}
