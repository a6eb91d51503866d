package deadline_test

import (
	"context"
	"sync"
	"testing"
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
