package muxpool_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// underLoad lets 100 callers call without a pause, until each has got an error,
// and stop runs in the midst of it. It returns the errors.
func underLoad(w *world.World, stop func()) (errs []error) {
	var started atomic.Int64
	f := &world.Flight{Errs: make([]error, 100)}
	for i := range f.Errs {
		f.WG.Go(func() {
			for f.Errs[i] == nil {
				started.Add(1)
				f.Errs[i] = w.CallFor(w.Allowed(time.Minute))
			}
		})
	}
	w.Until(10*time.Second, "1000 calls", func() bool { return started.Load() > 1000 })
	stop()
	return f.Land()
}

func TestCloseUnderLoad(t *testing.T) {
	for name, opts := range map[string][]muxpool.PoolOption{"no limit": nil, "limit": {muxpool.WithMaxVirConnsPerConn(10)}} {
		t.Run(name, func(t *testing.T) {
			world.Both(t, world.Setup{Act: muxtest.Delay(time.Millisecond), Opts: opts}, func(w *world.World) {
				for _, err := range underLoad(w, func() { w.Pool.Close() }) {
					if !errors.Is(err, muxpool.ErrPoolClosed) {
						w.Errorf("got %v, want ErrPoolClosed", err)
					}
				}
			})
		})
	}
}

// TestShutdownUnderLoad: who got a connection gets an answer, who did not is
// told so; nobody is in between.
func TestShutdownUnderLoad(t *testing.T) {
	for name, opts := range map[string][]muxpool.PoolOption{"no limit": nil, "limit": {muxpool.WithMaxVirConnsPerConn(10)}} {
		t.Run(name, func(t *testing.T) {
			world.Both(t, world.Setup{Act: muxtest.Delay(time.Millisecond), Opts: opts}, func(w *world.World) {
				errs := underLoad(w, func() {
					ctx, cancel := context.WithTimeout(context.Background(), w.Allowed(10*time.Second))
					defer cancel()
					if err := w.Pool.Shutdown(ctx); err != nil {
						w.Error("Shutdown: ", err)
					}
				})
				for _, err := range errs {
					if w.WantError(err, muxpool.ErrPoolClosed, false); w.Failed() {
						break
					}
				}
			})
		})
	}
}

// TestConnectionsComeAndGoUnderLoad: the peer asks all connections to go away,
// again and again, and no call fails.
func TestConnectionsComeAndGoUnderLoad(t *testing.T) {
	world.Both(t, world.Setup{Parser: world.Classified{}, Act: muxtest.Delay(time.Millisecond)}, func(w *world.World) {
		stop := w.Retry(50, time.Millisecond, w.Allowed(10*time.Second))
		for i := 0; i < 50 || w.Victim.Stats().Accepted < 10; i++ {
			time.Sleep(5 * time.Millisecond)
			for _, c := range w.Victim.Conns() {
				c.Send(muxtest.Frame{Kind: muxtest.GoAway})
			}
		}
		stop()
		if errs := w.Tally.Errors(); len(errs) > 0 {
			w.Errorf("%d of %d calls failed: %v", len(errs), len(errs)+w.Tally.OK(), errs[0])
		}
		w.Until(5*time.Second, "those that were asked to have gone", func() bool { return w.Victim.Stats().Open <= 2 })
	})
}
