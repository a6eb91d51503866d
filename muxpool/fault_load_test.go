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
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestFault_10000Callers(t *testing.T) {
	world.Both(t, world.Setup{Alone: true}, func(w *world.World) {
		callers := 10_000
		if w.RealTime() {
			callers = world.Often(callers, 2000)
		}
		w.Recovers(5 * time.Second)
		w.Until(5*time.Second, "both connections", func() bool { return len(w.Node().Conns) == 2 })
		hold := w.Hold()
		before := runtime.NumGoroutine()
		calls := w.Calls(callers, time.Minute)
		w.Until(20*time.Second, "all calls at the peer", func() bool { return hold.Len() == callers })
		evenOut(w)
		peers := w.Victim.Stats().Open // one goroutine of the peer's for each
		if n := runtime.NumGoroutine() - before - peers; n > callers+4*2 {
			w.Errorf("%d goroutines, want the callers and 4 a connection at most", n)
		}
		hold.Release(nil)
		if failed := calls.Land(); len(failed) > 0 {
			w.Errorf("%d calls failed: %v", len(failed), failed[0])
		}
		for _, c := range w.Victim.Conns() { // how many is the machine's: a Get that waits for a connection's lock is no load of it yet
			if c.Received() == 0 {
				w.Errorf("connection %d carried none of %d calls", c.Index, callers)
			}
		}
	})
}

// evenOut: whatever came of the rush, each Get that comes alone goes where fewer calls are.
func evenOut(w *world.World) {
	for range 64 {
		before := w.Node().Conns
		m := w.Get(context.Background())
		defer m.Close()
		for i, c := range w.Node().Conns {
			if c.InFlight > before[i].InFlight && before[i].InFlight > before[1-i].InFlight {
				w.Errorf("a Get went to the connection with %d calls, beside one with %d", before[i].InFlight, before[1-i].InFlight)
			}
		}
	}
}

func TestFault_VirtualConnectionLimit(t *testing.T) {
	const limit = 50
	opts := []muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(limit)}
	world.Both(t, world.Setup{Parser: world.Classified{}, Opts: opts, Act: muxtest.Delay(time.Millisecond)}, func(w *world.World) {
		callers := world.Often(10_000, 2000)
		var now, worst atomic.Int64
		f := &world.Flight{Errs: make([]error, callers)}
		ctx, cancel := context.WithTimeout(context.Background(), w.Allowed(time.Minute))
		defer cancel()
		for i := range callers {
			f.WG.Go(func() {
				f.Errs[i] = w.Tally.Book(ctx, func() error {
					mc, err := w.Caller.Get(ctx)
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
		if failed := f.Land(); len(failed) > 0 {
			w.Errorf("%d calls failed: %v", len(failed), failed[0])
		}
		if worst.Load() > 2*limit {
			w.Errorf("%d MuxConns at once, want %d at most", worst.Load(), 2*limit)
		}
		if s := w.Victim.Stats(); s.Accepted != 2 {
			w.Errorf("%d connections, want 2", s.Accepted)
		}
	})
}

// TestFault_VirtualConnectionLimit_Order: waiters are served first come, first
// served, and one that leaves holds up nobody.
func TestFault_VirtualConnectionLimit_Order(t *testing.T) {
	opts := append([]muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(1)}, world.OneConn...)
	world.InBubble(t, world.Setup{Opts: opts}, func(w *world.World) {
		first := w.Get(context.Background())
		var (
			mu    sync.Mutex // guards order
			order []int
			wait  sync.WaitGroup
		)
		for i := range 20 {
			ctx, cancel := context.WithCancel(context.Background())
			wait.Go(func() {
				mc, err := w.Caller.Get(ctx)
				if err != nil {
					w.WantError(err, context.Canceled, false)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				mc.Close()
			})
			w.Settle()
			defer cancel()
			if i%3 == 1 {
				cancel()
				w.Settle()
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
	calls := world.Often(100_000, 20_000)
	world.InBubble(t, world.Setup{Parser: world.Classified{}, Act: muxtest.Delay(20 * time.Millisecond), Alone: true}, func(w *world.World) {
		w.TwoConns()
		before := muxtest.Now().Heap
		worst := 0
		for i := range calls {
			ctx, cancel := context.WithCancel(context.Background())
			mc := w.Get(ctx)
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
				w.Fatal(err)
			}
			cancel()
			_, err := mc.Read()
			w.WantError(err, context.Canceled, true)
			mc.Close()
			if i%1000 == 0 {
				worst = max(worst, world.Reserved(w.Node()))
				time.Sleep(30 * time.Millisecond) // of bubble time: the late answers come
			}
		}
		if worst > 2000 {
			w.Errorf("%d ids reserved, want those whose answers are awaited", worst)
		}
		w.Until(time.Second, "every id is free again", func() bool { return world.Reserved(w.Node()) == 0 })
		if s := w.Victim.Stats(); s.Dials != 2 {
			w.Errorf("%d dials, want 2", s.Dials)
		}
		heapFlat(w, before)
	})
}

func heapFlat(w *world.World, before uint64) {
	w.Helper()
	if now := muxtest.Now().Heap; now > before+4<<20 {
		w.Errorf("the heap grew by %d bytes", now-before)
	}
}

// TestFault_200000GetsOnOneContext: nothing is left behind on a context that
// outlives them all.
func TestFault_200000GetsOnOneContext(t *testing.T) {
	world.InBubble(t, world.Setup{Alone: true}, func(w *world.World) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		w.TwoConns()
		before := muxtest.Now().Heap
		for range world.Often(200_000, 20_000) {
			w.Get(ctx).Close()
		}
		heapFlat(w, before)
		if s := w.Victim.Stats(); s.Dials != 2 {
			w.Errorf("%d dials, want 2", s.Dials)
		}
	})
}

// TestFault_100CancelledNeverClosed: at a limit of 1, a MuxConn whose context
// ended takes no slot, closed or not, asked or not.
func TestFault_100CancelledNeverClosed(t *testing.T) {
	for name, ask := range map[string]bool{"idle": false, "asked": true} {
		t.Run(name, func(t *testing.T) {
			opts := append([]muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(1)}, world.OneConn...)
			world.InBubble(t, world.Setup{Parser: world.Classified{}, Opts: opts, Act: muxtest.Drop}, func(w *world.World) {
				for range 100 {
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					mc := w.Get(ctx)
					if ask {
						if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
							w.Fatal(err)
						}
					}
					cancel()
				}
				w.Victim.Do(muxtest.Echo)
				w.Recovers(time.Second)
			})
		})
	}
}

// TestFault_IdleRemovalRacesWithGet: calls come about when their connection has
// been idle for as long as is allowed.
func TestFault_IdleRemovalRacesWithGet(t *testing.T) {
	const idle = 5 * time.Millisecond
	opts := []muxpool.PoolOption{
		muxpool.WithIdleTimeout(idle),
		muxpool.WithStallTimeout(16 * time.Millisecond), // so that connections are looked at each millisecond
	}
	world.Both(t, world.Setup{Opts: opts}, func(w *world.World) {
		rng := rand.New(rand.NewPCG(1, 0))
		for range world.Often(200, 60) {
			pause := idle + time.Duration(rng.Int64N(int64(3*time.Millisecond))) // to before and behind the end
			var f world.Flight
			for range 8 {
				apart := time.Duration(rng.Int64N(int64(100 * time.Microsecond)))
				f.WG.Go(func() {
					time.Sleep(pause + apart)
					if err := w.CallFor(w.Allowed(10 * time.Second)); err != nil {
						w.Error(err)
					}
				})
			}
			f.Land()
		}
		if s := w.Victim.Stats(); s.Accepted <= 2 {
			w.Errorf("%d connections: none was idle", s.Accepted)
		}
		w.Until(time.Second, "unused connections go", func() bool { return w.Victim.Stats().Open == 0 })
		if err := w.Call(); err != nil {
			w.Error(err)
		}
	})
}
