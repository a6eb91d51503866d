package deadline_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/deadline"
)

func TestWatch(t *testing.T) {
	wake := make(chan struct{}, 1)
	signalled := func() bool {
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	below, cancelBelow := deadline.WithTimeout(t.Context(), time.Hour)
	above, cancelAbove := deadline.WithTimeout(below, time.Hour)
	beside, cancelBeside := deadline.WithTimeout(below, time.Hour)
	defer cancelBeside()
	a, b := deadline.Of(above), deadline.Of(beside)
	if !a.Watch(&wake) {
		t.Fatal("nobody watches, and it may not be watched")
	}
	if b.Watch(&wake) {
		t.Error("what is watched from above may be watched from beside")
	}
	if b.Watch(&wake) {
		t.Error("the refusal has left something behind")
	}
	cancelAbove()
	if !signalled() || !a.Canceled() || b.Canceled() {
		t.Errorf("cancelled: %v, %v", a.Canceled(), b.Canceled())
	}
	a.Unwatch()
	if !b.Watch(&wake) {
		t.Fatal("nobody watches any more, and it may not be watched")
	}
	cancelBelow()
	if !signalled() || !b.Canceled() || beside.Err() != context.Canceled {
		t.Errorf("the end of what is beneath: %v, %v", b.Canceled(), beside.Err())
	}
	b.Unwatch()
	cancelBeside()
	if signalled() {
		t.Error("a signal after Unwatch")
	}
}

// TestWatchMissesNoCancel: who watches and then looks, and who cancels at the same
// time, cannot both miss each other.
func TestWatchMissesNoCancel(t *testing.T) {
	for range 2000 {
		ctx, cancel := deadline.WithTimeout(context.Background(), time.Hour)
		c, wake := deadline.Of(ctx), make(chan struct{}, 1)
		var wg sync.WaitGroup
		wg.Go(cancel)
		wg.Go(func() {
			c.Watch(&wake)
			defer c.Unwatch()
			if !c.Canceled() {
				<-wake
			}
			if ctx.Err() != context.Canceled {
				t.Error(ctx.Err())
			}
		})
		wg.Go(func() { <-ctx.Done() })
		bounded.Wait(t, wg.Wait)
	}
}

// Who cancels a Context, or asks what was noticed, does not look at the clock: neither for it
// nor for those beneath it.
func TestNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below, cancelBelow := deadline.WithTimeout(t.Context(), time.Second)
		defer cancelBelow()
		for name, ctx := range map[string]context.Context{
			"itself":                       below,
			"above":                        made(t, below, 0),
			"above, with a later deadline": made(t, below, time.Minute),
		} {
			if err := deadline.Noticed(ctx); err != nil {
				t.Errorf("%s: %v before its time", name, err)
			}
		}
		canceled, cancel := deadline.WithDeadline(below, time.Time{})
		time.Sleep(2 * time.Second) // of the bubble's time
		above := made(t, below, 0)
		if err := deadline.Noticed(above); err != nil {
			t.Errorf("%v, and nobody has noticed", err)
		}
		if cancel(); canceled.Err() != context.Canceled {
			t.Errorf("canceled before anybody noticed: %v", canceled.Err())
		}
		if err := above.Err(); err != context.DeadlineExceeded {
			t.Errorf("above a deadline that has passed: %v", err)
		}
		for name, ctx := range map[string]context.Context{"itself": below, "above": above, "of another kind": expiredContext(t)} {
			if err := deadline.Noticed(ctx); err != context.DeadlineExceeded {
				t.Errorf("%s: %v once somebody has noticed", name, err)
			}
		}
		if canceled.Err() != context.Canceled {
			t.Errorf("it was canceled, and now: %v", canceled.Err())
		}
	})
}

// made is a Context above parent, that ends d from now; 0: without an end of its own.
func made(t *testing.T, parent context.Context, d time.Duration) context.Context {
	end := time.Time{}
	if d > 0 {
		end = time.Now().Add(d)
	}
	c := new(deadline.Context)
	c.Init(parent, end) // which does not look whether the parent has ended
	t.Cleanup(c.Cancel)
	return c
}

func expiredContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	t.Cleanup(cancel)
	<-ctx.Done()
	return ctx
}
