package muxpool_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestFault_CloseWith1000InFlight(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		hold := w.Hold()
		calls := w.Calls(1000, time.Minute)
		w.Until(5*time.Second, "1000 calls at the peer", func() bool { return hold.Len() == 1000 })
		w.Within(100*time.Millisecond, "the failure of 1000 calls", func() {
			if err := w.Pool.Close(); err != nil {
				w.Error(err)
			}
			failed := calls.Land()
			if len(failed) != 1000 {
				w.Errorf("%d calls failed, want 1000", len(failed))
			}
			for _, err := range failed {
				if w.WantError(err, muxpool.ErrPoolClosed, true); w.Failed() {
					break
				}
			}
		})
		if err := w.Pool.Close(); err != nil {
			w.Error("Close again:", err)
		}
		w.WantError(w.Call(), muxpool.ErrPoolClosed, false)
		w.Until(time.Second, "no connection is left", func() bool { return w.Victim.Stats().Open == 0 })
	})
}

// TestFault_CloseWhileWaiting: Gets that wait for a dial, a slot or an id end
// with the pool.
func TestFault_CloseWhileWaiting(t *testing.T) {
	closes := func(w *world.World, calls *world.Flight, n int) {
		w.Settle()
		w.Within(100*time.Millisecond, "the end of waiting Gets", func() {
			w.Pool.Close()
			for _, err := range calls.Land() {
				n--
				w.WantError(err, muxpool.ErrPoolClosed, false)
			}
		})
		if n != 0 {
			w.Errorf("%d more or fewer calls failed than expected", n)
		}
	}
	t.Run("dial", func(t *testing.T) {
		world.InBubble(t, world.Setup{}, func(w *world.World) {
			w.Victim.OnDial(world.StalledDial)
			closes(w, w.Calls(10, time.Minute), 10)
		})
	})
	t.Run("slot", func(t *testing.T) {
		world.InBubble(t, world.Setup{Opts: append([]muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(1)}, world.OneConn...)}, func(w *world.World) {
			mc := w.Get(context.Background())
			defer mc.Close()
			closes(w, w.Calls(10, time.Minute), 10)
		})
	})
	t.Run("id", func(t *testing.T) {
		world.InBubble(t, world.Setup{Parser: few(1, 1, 0), Opts: world.OneConn, Alone: true}, func(w *world.World) {
			mc := w.Get(context.Background())
			defer mc.Close()
			closes(w, w.Calls(10, time.Minute), 10)
		})
	})
}

func TestFault_ShutdownWithCallsInFlight(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		hold := w.Hold()
		calls := w.Calls(100, time.Minute)
		w.Until(5*time.Second, "100 calls at the peer", func() bool { return hold.Len() == 100 })
		ended := make(chan error, 1)
		go func() { ended <- w.Pool.Shutdown(context.Background()) }()
		w.Until(time.Second, "new Gets are refused", func() bool {
			return errors.Is(w.CallFor(10*time.Millisecond), muxpool.ErrPoolClosed)
		})
		select {
		case err := <-ended:
			w.Error("Shutdown returned with calls in flight: ", err)
		default:
		}
		hold.Release(nil)
		if failed := calls.Land(); len(failed) > 0 {
			w.Errorf("%d calls failed: %v", len(failed), failed[0])
		}
		if err := <-ended; err != nil {
			w.Error("Shutdown: ", err)
		}
		w.Until(time.Second, "no connection is left", func() bool { return w.Victim.Stats().Open == 0 })
	})
}

func TestFault_ShutdownEndsWithItsContext(t *testing.T) {
	world.InBubble(t, world.Setup{Act: muxtest.Drop}, func(w *world.World) {
		calls := w.Calls(100, time.Minute)
		w.Until(time.Second, "100 calls at the peer", func() bool { return w.Victim.Stats().Calls == 100 })
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		w.Within(time.Second, "Shutdown", func() {
			if err := w.Pool.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				w.Error("Shutdown: ", err)
			}
		})
		w.Pool.Close()
		for _, err := range calls.Land() {
			w.WantError(err, muxpool.ErrPoolClosed, true)
		}
	})
}

func TestFault_CloseOfOneMuxConn(t *testing.T) {
	t.Run("read", func(t *testing.T) {
		world.Both(t, world.Setup{Act: muxtest.Drop}, func(w *world.World) {
			mc := w.Get(context.Background())
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
				w.Fatal(err)
			}
			read := make(chan error, 1)
			go func() {
				_, err := mc.Read()
				read <- err
			}()
			w.Until(time.Second, "the call at the peer", func() bool { return w.Victim.Stats().Calls == 1 })
			w.Within(50*time.Millisecond, "the end of Read", func() {
				mc.Close()
				w.WantError(<-read, muxpool.ErrMuxConnClosed, true)
			})
			mc.Close()                                                                   // again
			w.WantError(mc.Write([]byte("after Close")), muxpool.ErrMuxConnClosed, true) // the first one was
			_, err := mc.Read()
			w.WantError(err, muxpool.ErrMuxConnClosed, true)
			w.Victim.Do(muxtest.Echo)
			for range 10 { // behind what was written after Close
				if err := w.Call(); err != nil {
					w.Fatal(err)
				}
			}
			if s := w.Victim.Stats(); s.Calls != 11 || s.Malformed != 0 {
				w.Errorf("a Write after Close reached the peer: %+v", s)
			}
		})
	})
	t.Run("write", func(t *testing.T) {
		world.InBubble(t, world.Setup{Act: muxtest.StopReading, Opts: world.OneConn}, func(w *world.World) {
			var f world.Flight
			f.Errs = make([]error, 200)
			var all []muxpool.MuxConn
			for i := range f.Errs {
				mc := w.Get(context.Background())
				all = append(all, mc)
				f.WG.Go(func() { f.Errs[i] = mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, 64<<10)))) })
			}
			w.Settle()
			w.Within(50*time.Millisecond, "the end of Write", func() {
				for _, mc := range all {
					mc.Close()
				}
				failed := f.Land()
				if len(failed) < 50 { // the queue takes 8 MiB
					w.Errorf("only %d of 200 writes of 64 KiB had to wait", len(failed))
				}
				for _, err := range failed {
					w.WantError(err, muxpool.ErrMuxConnClosed, false)
				}
			})
		})
	})
}

// TestFault_FailedFrameIsNotReplayed: frames queued on a connection that dies
// never appear on a later one, whether they were sent or not.
func TestFault_FailedFrameIsNotReplayed(t *testing.T) {
	world.Both(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		var (
			mu     sync.Mutex // guards nonces
			nonces = map[uint64]int{}
		)
		w.Victim.Do(func(c *muxtest.Conn, f muxtest.Frame) {
			if c.Index == 0 {
				<-c.Done()
				return
			}
			mu.Lock()
			nonces[f.Nonce]++
			mu.Unlock()
			c.Reply(f)
		})
		const calls = 100
		f := &world.Flight{Errs: make([]error, calls)}
		sent := make([]uint64, calls)
		ctx, cancel := context.WithTimeout(context.Background(), w.Allowed(20*time.Second))
		defer cancel()
		for i := range calls {
			mc := w.Get(ctx)
			f.WG.Go(func() {
				defer mc.Close()
				call := muxtest.NewCall(mc, make([]byte, 100<<10)) // 10 MiB: more than the kernel and the queue take
				sent[i] = call.Nonce
				f.Errs[i] = w.Tally.Book(ctx, func() error {
					if err := mc.Write(muxtest.AppendFrame(nil, call)); err != nil {
						return err
					}
					return muxtest.Expect(mc, call)
				})
			})
		}
		w.Until(5*time.Second, "the peer stopped reading", func() bool { return w.Victim.Stats().Calls > 0 })
		w.Settle()
		w.Victim.ResetConns()
		failed := f.Land()
		if len(failed) != calls {
			w.Errorf("%d calls failed, want all", len(failed))
		}
		notSent := 0
		for _, err := range failed {
			var e *muxpool.Error
			if !errors.Is(err, muxpool.ErrConnLost) || !errors.As(err, &e) {
				w.Fatalf("got %#v", err)
			}
			if !e.Sent() {
				notSent++
			}
		}
		if notSent == 0 {
			w.Error("no call knows that it was not sent")
		}
		for range 10 {
			w.Recovers(time.Second)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, nonce := range sent {
			if nonces[nonce] > 0 {
				w.Errorf("the frame of a failed call appeared on a later connection")
			}
		}
	})
}

// TestFault_QueuedFrameOfAClosedMuxConn: Close leaves a queued frame to be sent;
// one-way, Write says whether it was.
func TestFault_QueuedFrameOfAClosedMuxConn(t *testing.T) {
	world.Both(t, world.Setup{Parser: world.Classified{}}, func(w *world.World) {
		for range 100 {
			mc := w.Get(context.Background(), (*muxpool.GetOptions).WithOneWay)
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
				w.Error(err)
			}
			mc.Close()
		}
		w.Until(time.Second, "100 frames at the peer", func() bool { return w.Victim.Stats().Calls == 100 })
	})
}
