package muxpool_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestFault_10000Callers(t *testing.T) {
	const callers = 10_000
	both(t, setup{alone: true}, func(w *world) {
		w.recovers(5 * time.Second)
		w.until(5*time.Second, "both connections", func() bool { return len(w.node().Conns) == 2 })
		hold := w.hold()
		before := runtime.NumGoroutine()
		calls := w.calls(callers, time.Minute)
		w.until(20*time.Second, "10,000 calls at the peer", func() bool { return hold.Len() == callers })
		peers := w.victim.Stats().Open // one goroutine of the peer's for each
		if n := runtime.NumGoroutine() - before - peers; n > callers+4*2 {
			w.Errorf("%d goroutines, want the callers and 4 a connection at most", n)
		}
		hold.Release(nil)
		if failed := calls.land(); len(failed) > 0 {
			w.Errorf("%d calls failed: %v", len(failed), failed[0])
		}
		for _, c := range w.victim.Conns() {
			if c.Received() < callers/4 {
				w.Errorf("connection %d carried %d of %d calls", c.Index, c.Received(), callers)
			}
		}
	})
}

func TestFault_VirtualConnectionLimit(t *testing.T) {
	const limit = 50
	opts := []muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(limit)}
	both(t, setup{parser: classified{}, opts: opts, act: muxtest.Delay(time.Millisecond)}, func(w *world) {
		callers := 10_000
		if w.lag != nil {
			callers = often(callers, 2000) // on sockets
		}
		var now, worst atomic.Int64
		f := &flight{errs: make([]error, callers)}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for i := range callers {
			f.wg.Go(func() {
				f.errs[i] = w.tally.Book(ctx, func() error {
					mc, err := w.caller.Get(ctx)
					if err != nil {
						return err
					}
					for n := now.Add(1); n > worst.Load(); {
						worst.Store(n)
					}
					err = muxtest.Exchange(mc, nil)
					now.Add(-1)
					mc.Close()
					return err
				})
			})
		}
		if failed := f.land(); len(failed) > 0 {
			w.Errorf("%d calls failed: %v", len(failed), failed[0])
		}
		if worst.Load() > 2*limit {
			w.Errorf("%d MuxConns at once, want %d at most", worst.Load(), 2*limit)
		}
		if s := w.victim.Stats(); s.Accepted != 2 {
			w.Errorf("%d connections, want 2", s.Accepted)
		}
	})
}

// TestFault_VirtualConnectionLimit_Order: waiters are served first come, first
// served, and one that leaves holds up nobody.
func TestFault_VirtualConnectionLimit_Order(t *testing.T) {
	opts := append([]muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(1)}, one...)
	inBubble(t, setup{opts: opts}, func(w *world) {
		first := w.get(context.Background())
		var (
			mu    sync.Mutex // guards order
			order []int
			wait  sync.WaitGroup
		)
		for i := range 20 {
			ctx, cancel := context.WithCancel(context.Background())
			wait.Go(func() {
				mc, err := w.caller.Get(ctx)
				if err != nil {
					w.failed(err, context.Canceled, false)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				mc.Close()
			})
			w.settle()
			defer cancel()
			if i%3 == 1 {
				cancel()
				w.settle()
			}
		}
		first.Close()
		wait.Wait()
		if len(order) != 13 {
			w.Fatalf("served: %v, want the 13 that stayed", order)
		}
		for i := 1; i < len(order); i++ {
			if order[i] < order[i-1] {
				w.Fatalf("served out of order: %v", order)
			}
		}
	})
}

func TestFault_100000CancelledCalls(t *testing.T) {
	calls := often(100_000, 20_000)
	inBubble(t, setup{parser: classified{}, act: muxtest.Delay(20 * time.Millisecond), alone: true}, func(w *world) {
		w.twoConns()
		before := muxtest.Now().Heap
		worst := 0
		for i := range calls {
			ctx, cancel := context.WithCancel(context.Background())
			mc := w.get(ctx)
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
				w.Fatal(err)
			}
			cancel()
			_, err := mc.Read()
			w.failed(err, context.Canceled, true)
			mc.Close()
			if i%1000 == 0 {
				worst = max(worst, reserved(w.node()))
				time.Sleep(30 * time.Millisecond) // of bubble time: the late answers come
			}
		}
		if worst > 2000 {
			w.Errorf("%d ids reserved, want those whose answers are awaited", worst)
		}
		w.until(time.Second, "every id is free again", func() bool { return reserved(w.node()) == 0 })
		if s := w.victim.Stats(); s.Dials != 2 {
			w.Errorf("%d dials, want 2", s.Dials)
		}
		w.heapFlat(before)
	})
}

func (w *world) heapFlat(before uint64) {
	w.Helper()
	if now := muxtest.Now().Heap; now > before+4<<20 {
		w.Errorf("the heap grew by %d bytes", now-before)
	}
}

// TestFault_200000GetsOnOneContext: nothing is left behind on a context that
// outlives them all.
func TestFault_200000GetsOnOneContext(t *testing.T) {
	inBubble(t, setup{alone: true}, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		w.twoConns()
		before := muxtest.Now().Heap
		for range often(200_000, 50_000) {
			w.get(ctx).Close()
		}
		w.heapFlat(before)
		if s := w.victim.Stats(); s.Dials != 2 {
			w.Errorf("%d dials, want 2", s.Dials)
		}
	})
}

// TestFault_100CancelledNeverClosed: at a limit of 1, a MuxConn whose context
// ended takes no slot, closed or not, asked or not.
func TestFault_100CancelledNeverClosed(t *testing.T) {
	for name, ask := range map[string]bool{"idle": false, "asked": true} {
		t.Run(name, func(t *testing.T) {
			opts := append([]muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(1)}, one...)
			inBubble(t, setup{parser: classified{}, opts: opts, act: muxtest.Drop}, func(w *world) {
				for range 100 {
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					mc := w.get(ctx)
					if ask {
						if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
							w.Fatal(err)
						}
					}
					cancel()
				}
				w.victim.Do(muxtest.Echo)
				w.recovers(time.Second)
			})
		})
	}
}

// TestFault_IdleRemovalRacesWithGet: calls come about when their connection has
// been idle for as long as is allowed.
func TestFault_IdleRemovalRacesWithGet(t *testing.T) {
	const idle = 10 * time.Millisecond
	both(t, setup{opts: []muxpool.PoolOption{muxpool.WithIdleTimeout(idle)}}, func(w *world) {
		var f flight
		for i := range 8 {
			f.wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), 0))
				for range 200 {
					time.Sleep(idle - 50*time.Microsecond + time.Duration(rng.Int64N(int64(100*time.Microsecond))))
					if err := w.callFor(10 * time.Second); err != nil {
						w.Error(err)
						return
					}
				}
			})
		}
		f.land()
		for range 100 { // alone, so that the connection does go
			time.Sleep(idle + idle/2)
			if err := w.callFor(10 * time.Second); err != nil {
				w.Fatal(err)
			}
		}
		if s := w.victim.Stats(); s.Accepted <= 2 {
			w.Errorf("%d connections: none was idle", s.Accepted)
		}
	})
}
