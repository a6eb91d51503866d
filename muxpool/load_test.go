package muxpool_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// underLoad lets 100 callers call without a pause, until each has got an error,
// and stop runs in the midst of it. It returns the errors.
func (w *world) underLoad(stop func()) (errs []error) {
	var started atomic.Int64
	f := &flight{errs: make([]error, 100)}
	for i := range f.errs {
		f.wg.Go(func() {
			for f.errs[i] == nil {
				started.Add(1)
				f.errs[i] = w.callFor(time.Minute)
			}
		})
	}
	w.until(10*time.Second, "1000 calls", func() bool { return started.Load() > 1000 })
	stop()
	return f.land()
}

func TestCloseUnderLoad(t *testing.T) {
	for name, opts := range map[string][]muxpool.PoolOption{"no limit": nil, "limit": {muxpool.WithMaxVirConnsPerConn(10)}} {
		t.Run(name, func(t *testing.T) {
			both(t, setup{act: muxtest.Delay(time.Millisecond), opts: opts}, func(w *world) {
				for _, err := range w.underLoad(func() { w.pool.Close() }) {
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
			both(t, setup{act: muxtest.Delay(time.Millisecond), opts: opts}, func(w *world) {
				errs := w.underLoad(func() {
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					defer cancel()
					if err := w.pool.Shutdown(ctx); err != nil {
						w.Error("Shutdown: ", err)
					}
				})
				for _, err := range errs {
					if w.failed(err, muxpool.ErrPoolClosed, false); w.Failed() {
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
	both(t, setup{parser: classified{}, act: muxtest.Delay(time.Millisecond)}, func(w *world) {
		stop := w.retry(50, time.Millisecond, 10*time.Second)
		for range 50 {
			time.Sleep(5 * time.Millisecond)
			for _, c := range w.victim.Conns() {
				c.Send(muxtest.Frame{Kind: muxtest.GoAway})
			}
		}
		stop()
		if errs := w.tally.Errors(); len(errs) > 0 {
			w.Errorf("%d of %d calls failed: %v", len(errs), len(errs)+w.tally.OK(), errs[0])
		}
		if s := w.victim.Stats(); s.Accepted < 10 {
			w.Errorf("%d connections came", s.Accepted)
		}
		w.until(5*time.Second, "those that were asked to have gone", func() bool { return w.victim.Stats().Open <= 2 })
	})
}
