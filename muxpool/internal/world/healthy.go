package world

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// callHealthy calls the healthy node every 20 ms until the returned function is
// called, which asserts I5: all calls succeeded. The calls end by themselves
// once the story has closed the pool.
func (w *World) callHealthy(caller muxtest.Caller) (stop func()) {
	var (
		tally muxtest.Tally
		wg    sync.WaitGroup
		done  = make(chan struct{})
		ready = make(chan struct{})
	)
	one := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), w.Allowed(5*time.Second))
		defer cancel()
		return tally.Call(ctx, caller, []byte("healthy"))
	}
	wg.Go(func() {
		one()
		close(ready)
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				one()
			}
		}
	})
	<-ready
	return func() {
		close(done)
		wg.Wait()
		for _, err := range tally.Errors() {
			if !errors.Is(err, muxpool.ErrPoolClosed) {
				w.Error("I5: the healthy node:", err)
				break
			}
		}
		if tally.OK() == 0 {
			w.Error("I5: the healthy node had no successful call")
		}
		w.check("the healthy node's", &tally)
	}
}
