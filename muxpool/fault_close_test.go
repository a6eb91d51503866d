package muxpool_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestFault_CloseWith1000InFlight(t *testing.T) {
	both(t, setup{}, func(w *world) {
		hold := w.hold()
		calls := w.calls(1000, time.Minute)
		w.until(5*time.Second, "1000 calls at the peer", func() bool { return hold.Len() == 1000 })
		w.within(100*time.Millisecond, "the failure of 1000 calls", func() {
			if err := w.pool.Close(); err != nil {
				w.Error(err)
			}
			failed := calls.land()
			if len(failed) != 1000 {
				w.Errorf("%d calls failed, want 1000", len(failed))
			}
			for _, err := range failed {
				if w.failed(err, muxpool.ErrPoolClosed, true); w.Failed() {
					break
				}
			}
		})
		if err := w.pool.Close(); err != nil {
			w.Error("Close again:", err)
		}
		w.failed(w.call(), muxpool.ErrPoolClosed, false)
		w.until(time.Second, "no connection is left", func() bool { return w.victim.Stats().Open == 0 })
	})
}

// TestFault_CloseWhileWaiting: Gets that wait for a dial, a slot or an id end
// with the pool.
func TestFault_CloseWhileWaiting(t *testing.T) {
	closes := func(w *world, calls *flight, n int) {
		w.settle()
		w.within(100*time.Millisecond, "the end of waiting Gets", func() {
			w.pool.Close()
			for _, err := range calls.land() {
				n--
				w.failed(err, muxpool.ErrPoolClosed, false)
			}
		})
		if n != 0 {
			w.Errorf("%d more or fewer calls failed than expected", n)
		}
	}
	t.Run("dial", func(t *testing.T) {
		inBubble(t, setup{}, func(w *world) {
			w.victim.OnDial(stalledDial)
			closes(w, w.calls(10, time.Minute), 10)
		})
	})
	t.Run("slot", func(t *testing.T) {
		inBubble(t, setup{opts: append([]muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(1)}, one...)}, func(w *world) {
			mc := w.get(context.Background())
			defer mc.Close()
			closes(w, w.calls(10, time.Minute), 10)
		})
	})
	t.Run("id", func(t *testing.T) {
		inBubble(t, setup{parser: few(1, 1, 0), opts: one, alone: true}, func(w *world) {
			mc := w.get(context.Background())
			defer mc.Close()
			closes(w, w.calls(10, time.Minute), 10)
		})
	})
}

func TestFault_ShutdownWithCallsInFlight(t *testing.T) {
	both(t, setup{}, func(w *world) {
		hold := w.hold()
		calls := w.calls(100, time.Minute)
		w.until(5*time.Second, "100 calls at the peer", func() bool { return hold.Len() == 100 })
		ended := make(chan error, 1)
		go func() { ended <- w.pool.Shutdown(context.Background()) }()
		w.until(time.Second, "new Gets are refused", func() bool {
			return errors.Is(w.callFor(10*time.Millisecond), muxpool.ErrPoolClosed)
		})
		select {
		case err := <-ended:
			w.Error("Shutdown returned with calls in flight: ", err)
		default:
		}
		hold.Release(nil)
		if failed := calls.land(); len(failed) > 0 {
			w.Errorf("%d calls failed: %v", len(failed), failed[0])
		}
		if err := <-ended; err != nil {
			w.Error("Shutdown: ", err)
		}
		w.until(time.Second, "no connection is left", func() bool { return w.victim.Stats().Open == 0 })
	})
}

func TestFault_ShutdownEndsWithItsContext(t *testing.T) {
	inBubble(t, setup{act: muxtest.Drop}, func(w *world) {
		calls := w.calls(100, time.Minute)
		w.until(time.Second, "100 calls at the peer", func() bool { return w.victim.Stats().Calls == 100 })
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		w.within(time.Second, "Shutdown", func() {
			if err := w.pool.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				w.Error("Shutdown: ", err)
			}
		})
		w.pool.Close()
		for _, err := range calls.land() {
			w.failed(err, muxpool.ErrPoolClosed, true)
		}
	})
}

func TestFault_CloseOfOneMuxConn(t *testing.T) {
	t.Run("read", func(t *testing.T) {
		both(t, setup{act: muxtest.Drop}, func(w *world) {
			mc := w.get(context.Background())
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
				w.Fatal(err)
			}
			read := make(chan error, 1)
			go func() {
				_, err := mc.Read()
				read <- err
			}()
			w.until(time.Second, "the call at the peer", func() bool { return w.victim.Stats().Calls == 1 })
			w.within(50*time.Millisecond, "the end of Read", func() {
				mc.Close()
				w.failed(<-read, muxpool.ErrMuxConnClosed, true)
			})
			mc.Close()                                                                // again
			w.failed(mc.Write([]byte("after Close")), muxpool.ErrMuxConnClosed, true) // the first one was
			_, err := mc.Read()
			w.failed(err, muxpool.ErrMuxConnClosed, true)
			w.victim.Do(muxtest.Echo)
			for range 10 { // behind what was written after Close
				if err := w.call(); err != nil {
					w.Fatal(err)
				}
			}
			if s := w.victim.Stats(); s.Calls != 11 || s.Malformed != 0 {
				w.Errorf("a Write after Close reached the peer: %+v", s)
			}
		})
	})
	t.Run("write", func(t *testing.T) {
		inBubble(t, setup{act: muxtest.StopReading, opts: one}, func(w *world) {
			var writing sync.WaitGroup
			var blocked []muxpool.MuxConn
			for range 200 {
				mc := w.get(context.Background())
				blocked = append(blocked, mc)
				writing.Go(func() {
					err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, 64<<10))))
					if err != nil {
						w.failed(err, muxpool.ErrMuxConnClosed, false)
					}
				})
			}
			w.settle()
			w.within(50*time.Millisecond, "the end of Write", func() {
				for _, mc := range blocked {
					mc.Close()
				}
				writing.Wait()
			})
		})
	})
}

// TestFault_FailedFrameIsNotReplayed: frames queued on a connection that dies
// never appear on a later one, whether they were sent or not.
func TestFault_FailedFrameIsNotReplayed(t *testing.T) {
	both(t, setup{opts: one}, func(w *world) {
		var (
			mu     sync.Mutex // guards nonces
			nonces = map[uint64]int{}
		)
		w.victim.Do(func(c *muxtest.Conn, f muxtest.Frame) {
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
		f := &flight{errs: make([]error, calls)}
		sent := make([]uint64, calls)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		for i := range calls {
			mc := w.get(ctx)
			f.wg.Go(func() {
				defer mc.Close()
				call := muxtest.NewCall(mc, make([]byte, 100<<10)) // 10 MiB: more than the kernel and the queue take
				sent[i] = call.Nonce
				f.errs[i] = w.tally.Book(ctx, func() error {
					if err := mc.Write(muxtest.AppendFrame(nil, call)); err != nil {
						return err
					}
					return muxtest.Expect(mc, call)
				})
			})
		}
		w.until(5*time.Second, "the peer stopped reading", func() bool { return w.victim.Stats().Calls > 0 })
		w.settle()
		w.victim.ResetConns()
		failed := f.land()
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
			w.recovers(time.Second)
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
	both(t, setup{parser: classified{}}, func(w *world) {
		for range 100 {
			mc := w.get(context.Background(), (*muxpool.GetOptions).WithOneWay)
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
				w.Error(err)
			}
			mc.Close()
		}
		w.until(time.Second, "100 frames at the peer", func() bool { return w.victim.Stats().Calls == 100 })
	})
}
