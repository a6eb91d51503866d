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

func few(min, max, reserve uint32) spaced {
	return spaced{IDs: muxtest.IDs{Min: min, Max: max, Reserve: reserve}}
}

// abandon makes a call that ends before its answer, and returns its id.
func (w *world) abandon() uint32 {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	mc, err := w.caller.Get(ctx)
	if err != nil {
		w.Fatal(err)
	}
	defer mc.Close()
	err = w.tally.Book(ctx, func() error { return muxtest.Exchange(mc, nil) })
	w.failed(err, context.DeadlineExceeded, true)
	return mc.VID()
}

func TestFault_ReplyAfterCancel(t *testing.T) {
	inBubble(t, setup{parser: few(0, 7, 0), opts: one}, func(w *world) {
		hold := w.hold()
		id := w.abandon()
		w.victim.Do(muxtest.Echo)
		used := w.idsOf(40)
		if used[id] > 0 || len(used) != 7 {
			w.Errorf("the ids %v were used while %d waits for its late answer", used, id)
		}
		if s := w.node(); reserved(s) != 1 {
			w.Errorf("%d ids reserved, want 1", reserved(s))
		}
		hold.Release(nil)
		w.until(time.Second, "the late reply is dropped and counted", func() bool {
			s := w.node()
			return s.Late == 1 && reserved(s) == 0
		})
		if used := w.idsOf(40); used[id] == 0 {
			w.Errorf("id %d was not used again: %v", id, used)
		}
	})
}

// idsOf makes n calls, one after the other, and returns how often each id was
// used.
func (w *world) idsOf(n int) map[uint32]int {
	w.Helper()
	used := make(map[uint32]int)
	for range n {
		mc := w.get(context.Background())
		used[mc.VID()]++
		if err := w.tally.Book(context.Background(), func() error { return muxtest.Exchange(mc, nil) }); err != nil {
			w.Error(err)
		}
		mc.Close()
	}
	return used
}

// TestFault_ReservedUntilConnEnds: without a late reply, the end of the
// connection frees the id.
func TestFault_ReservedUntilConnEnds(t *testing.T) {
	inBubble(t, setup{parser: few(0, 7, 0), opts: one, act: muxtest.Drop}, func(w *world) {
		for range 8 {
			w.abandon()
		}
		w.victim.Do(muxtest.Echo)
		w.victim.CloseConns()
		if used := w.idsOf(40); len(used) != 8 {
			w.Errorf("ids used on the new connection: %v", used)
		}
	})
}

// TestFault_IDWrapAround: the last 16 ids below 2^32, every fourth reserved.
func TestFault_IDWrapAround(t *testing.T) {
	inBubble(t, setup{parser: few(1<<32-16, 1<<32-1, 4), opts: one}, func(w *world) {
		hold := w.hold()
		stuck := w.calls(1, time.Minute)
		w.until(time.Second, "a call is stuck", func() bool { return hold.Len() == 1 })
		w.victim.Do(muxtest.Echo)
		used := w.idsOf(20)
		if len(used) != 11 {
			w.Errorf("%d ids used, want the 12 that are not reserved less the stuck one: %v", len(used), used)
		}
		for id := range used {
			if id%4 == 0 || id < 1<<32-16 {
				w.Errorf("id %d was handed out", id)
			}
		}
		hold.Release(nil)
		if failed := stuck.land(); len(failed) > 0 {
			w.Error("the stuck call: ", failed[0])
		}
	})
}

// TestFault_IDWrapAround32 wraps a real 32-bit space by explicit ids around its
// end.
func TestFault_IDWrapAround32(t *testing.T) {
	inBubble(t, setup{parser: classified{}, opts: one}, func(w *world) {
		for _, vid := range []uint32{1<<32 - 2, 1<<32 - 1, 0, 1} {
			mc := w.get(context.Background(), withVID(vid))
			if err := muxtest.Exchange(mc, nil); err != nil || mc.VID() != vid {
				w.Errorf("id %d: %v", mc.VID(), err)
			}
			mc.Close()
		}
	})
}

func TestFault_16BitIDs70000Callers(t *testing.T) {
	const callers, ids = 70_000, 1 << 16
	inBubble(t, setup{parser: spaced{IDs: muxtest.IDs16}, opts: one}, func(w *world) {
		hold := w.hold()
		var (
			mu   sync.Mutex // guards live
			live []muxpool.MuxConn
			wait flight
		)
		open := func() {
			mc := w.get(context.Background())
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.Frame{ID: mc.VID(), Nonce: uint64(mc.VID())})); err != nil {
				w.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			live = append(live, mc)
		}
		for range ids { // one goroutine opens what fits
			open()
		}
		for range callers - ids {
			wait.wg.Go(open)
		}
		w.until(time.Second, "as many calls at the peer as there are ids", func() bool { return hold.Len() == ids })
		if n := w.node().InFlight; n != ids {
			w.Errorf("%d in flight, want %d", n, ids)
		}
		w.victim.Do(muxtest.Echo)
		go hold.Release(nil)
		answered := 0
		for answered < callers {
			mu.Lock()
			batch := live
			live = nil
			mu.Unlock()
			for _, mc := range batch {
				call := muxtest.Frame{ID: mc.VID(), Nonce: uint64(mc.VID())}
				if err := w.tally.Book(context.Background(), func() error { return muxtest.Expect(mc, call) }); err != nil {
					w.Fatal(err)
				}
				mc.Close()
			}
			answered += len(batch)
			w.settle()
		}
		wait.land()
		if s := w.victim.Stats(); s.Calls != callers || s.Accepted != 1 {
			w.Errorf("%+v", s)
		}
	})
}

func TestFault_DuplicateExplicitVID(t *testing.T) {
	both(t, setup{parser: classified{}, opts: one}, func(w *world) {
		hold := w.hold()
		winner := w.get(context.Background(), withVID(7))
		defer winner.Close()
		call := muxtest.NewCall(winner, []byte("winner"))
		if err := winner.Write(muxtest.AppendFrame(nil, call)); err != nil {
			w.Fatal(err)
		}
		w.until(time.Second, "the winner's call at the peer", func() bool { return hold.Len() == 1 })
		loser := w.get(context.Background(), withVID(7))
		w.failed(loser.Write(muxtest.AppendFrame(nil, muxtest.NewCall(loser, nil))), muxpool.ErrDupRequestID, false)
		_, err := loser.Read()
		w.failed(err, muxpool.ErrDupRequestID, false)
		loser.Close()
		hold.Release(nil)
		if err := muxtest.Expect(winner, call); err != nil {
			w.Error("the winner: ", err)
		}
		if s := w.victim.Stats(); s.Calls != 1 {
			w.Errorf("%d calls reached the peer, want the winner's", s.Calls)
		}
	})
}

// TestFault_DuplicateExplicitVID_Race: of 100 at once, each id has one winner a
// connection, and every winner its answer.
func TestFault_DuplicateExplicitVID_Race(t *testing.T) {
	inBubble(t, setup{parser: classified{}}, func(w *world) {
		w.twoConns()
		hold := w.hold()
		f := &flight{errs: make([]error, 100)}
		c := w.caller
		c.Opts.WithVID(7)
		for i := range f.errs {
			f.wg.Go(func() {
				f.errs[i] = w.tally.Call(context.Background(), c, []byte("race"))
			})
		}
		w.settle()
		if n := hold.Len(); n != 2 {
			w.Errorf("%d calls at the peer, want one a connection", n)
		}
		hold.Release(nil)
		failed := f.land()
		if len(failed) != 98 {
			w.Errorf("%d losers, want 98", len(failed))
		}
		for _, err := range failed {
			w.failed(err, muxpool.ErrDupRequestID, false)
		}
	})
}

// TestFault_DuplicateOfALateID: an explicit id whose answer is still awaited is
// in use too.
func TestFault_DuplicateOfALateID(t *testing.T) {
	inBubble(t, setup{parser: classified{}, opts: one}, func(w *world) {
		hold := w.hold()
		late := w.abandon()
		w.victim.Do(muxtest.Echo)
		mc := w.get(context.Background(), withVID(late))
		w.failed(muxtest.Exchange(mc, nil), muxpool.ErrDupRequestID, false)
		mc.Close()
		hold.Release(nil)
		w.settle()
		mc = w.get(context.Background(), withVID(late))
		defer mc.Close()
		if err := muxtest.Exchange(mc, nil); err != nil {
			w.Error(err)
		}
	})
}

// TestFault_IDsExhausted: calls beyond the id space wait, and end with their
// context.
func TestFault_IDsExhausted(t *testing.T) {
	inBubble(t, setup{parser: spaced{IDs: muxtest.IDs8}, opts: one}, func(w *world) {
		hold := w.hold()
		stuck := w.calls(256, time.Minute)
		w.until(time.Second, "256 calls in flight", func() bool { return hold.Len() == 256 })
		for _, err := range w.calls(44, 100*time.Millisecond).land() {
			if errors.Is(err, muxpool.ErrDupRequestID) {
				w.Error("a caller without an explicit id got ", err)
			}
			w.failed(err, context.DeadlineExceeded, false)
		}
		rest := w.calls(44, time.Minute)
		w.settle()
		w.victim.Do(muxtest.Echo)
		hold.Release(nil)
		if failed := append(stuck.land(), rest.land()...); len(failed) > 0 {
			w.Errorf("%d calls failed: %v", len(failed), failed[0])
		}
	})
}

// TestFault_AllIDsAwaitLateAnswers: every id of the space belongs to a call that
// was cancelled, and no answer will ever come: the connection is of no use any
// more, and must give way to one that is.
func TestFault_AllIDsAwaitLateAnswers(t *testing.T) {
	inBubble(t, setup{parser: few(0, 7, 0), opts: one, act: muxtest.Drop}, func(w *world) {
		for range 8 {
			ctx, cancel := context.WithCancel(context.Background())
			mc := w.get(ctx)
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
				w.Fatal(err)
			}
			cancel()
			_, err := mc.Read()
			w.failed(err, context.Canceled, true)
			mc.Close()
		}
		w.settle() // the calls are at the peer, which drops them
		w.victim.Do(muxtest.Echo)
		w.recovers(dropWithin)
	})
}
