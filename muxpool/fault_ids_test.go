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

func few(min, max, reserve uint32) world.Spaced {
	return world.Spaced{IDs: muxtest.IDs{Min: min, Max: max, Reserve: reserve}}
}

// idsOf makes n calls, one after the other, and returns how often each id was
// used.
func idsOf(w *world.World, n int) map[uint32]int {
	w.Helper()
	used := make(map[uint32]int)
	for range n {
		mc := w.Get(context.Background())
		used[mc.VID()]++
		if err := w.Tally.Book(context.Background(), func() error { return muxtest.Exchange(mc, nil) }); err != nil {
			w.Error(err)
		}
		mc.Close()
	}
	return used
}

// TestFault_IDWrapAround: the last 16 ids below 2^32, every fourth reserved.
func TestFault_IDWrapAround(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: few(1<<32-16, 1<<32-1, 4), Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		stuck := w.Calls(1, time.Minute)
		w.Until(time.Second, "a call is stuck", func() bool { return hold.Len() == 1 })
		w.Victim.Do(muxtest.Echo)
		used := idsOf(w, 20)
		if len(used) != 11 {
			w.Errorf("%d ids used, want the 12 that are not reserved less the stuck one: %v", len(used), used)
		}
		for id := range used {
			if id%4 == 0 || id < 1<<32-16 {
				w.Errorf("id %d was handed out", id)
			}
		}
		hold.Release(nil)
		if failed := stuck.Land(); len(failed) > 0 {
			w.Error("the stuck call: ", failed[0])
		}
	})
}

// TestFault_IDWrapAround32 wraps a real 32-bit space by explicit ids around its
// end.
func TestFault_IDWrapAround32(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: world.Classified{}, Opts: world.OneConn}, func(w *world.World) {
		for _, vid := range []uint32{1<<32 - 2, 1<<32 - 1, 0, 1} {
			mc := w.Get(context.Background(), world.WithVID(vid))
			if err := muxtest.Exchange(mc, nil); err != nil || mc.VID() != vid {
				w.Errorf("id %d: %v", mc.VID(), err)
			}
			mc.Close()
		}
	})
}

func TestFault_16BitIDs70000Callers(t *testing.T) {
	callers, ids, space := 70_000, 1<<16, muxtest.IDs16
	if !world.Full { // the same with ids of 12 bits
		callers, ids, space = 4_500, 1<<12, muxtest.IDs{Max: 1<<12 - 1}
	}
	world.InBubble(t, world.Setup{Parser: world.Spaced{IDs: space}, Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		var (
			mu   sync.Mutex // guards live
			live []muxpool.MuxConn
			wait world.Flight
		)
		open := func() {
			mc := w.Get(context.Background())
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
			wait.WG.Go(open)
		}
		w.Until(time.Second, "as many calls at the peer as there are ids", func() bool { return hold.Len() == ids })
		if n := w.Node().InFlight; n != ids {
			w.Errorf("%d in flight, want %d", n, ids)
		}
		w.Victim.Do(muxtest.Echo)
		go hold.Release(nil)
		answered := 0
		for answered < callers {
			mu.Lock()
			batch := live
			live = nil
			mu.Unlock()
			for _, mc := range batch {
				call := muxtest.Frame{ID: mc.VID(), Nonce: uint64(mc.VID())}
				if err := w.Tally.Book(context.Background(), func() error { return muxtest.Expect(mc, call) }); err != nil {
					w.Fatal(err)
				}
				mc.Close()
			}
			answered += len(batch)
			w.Settle()
		}
		wait.Land()
		if s := w.Victim.Stats(); s.Calls != callers || s.Accepted != 1 {
			w.Errorf("%+v", s)
		}
	})
}

func TestFault_DuplicateExplicitVID(t *testing.T) {
	world.Both(t, world.Setup{Parser: world.Classified{}, Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		winner := w.Get(context.Background(), world.WithVID(7))
		defer winner.Close()
		call := muxtest.NewCall(winner, []byte("winner"))
		if err := winner.Write(muxtest.AppendFrame(nil, call)); err != nil {
			w.Fatal(err)
		}
		w.Until(time.Second, "the winner's call at the peer", func() bool { return hold.Len() == 1 })
		loser := w.Get(context.Background(), world.WithVID(7))
		w.WantError(loser.Write(muxtest.AppendFrame(nil, muxtest.NewCall(loser, nil))), muxpool.ErrDupRequestID, false)
		_, err := loser.Read()
		w.WantError(err, muxpool.ErrDupRequestID, false)
		loser.Close()
		hold.Release(nil)
		if err := muxtest.Expect(winner, call); err != nil {
			w.Error("the winner: ", err)
		}
		if s := w.Victim.Stats(); s.Calls != 1 {
			w.Errorf("%d calls reached the peer, want the winner's", s.Calls)
		}
	})
}

// TestFault_DuplicateExplicitVID_Race: of 100 at once, each id has one winner a
// connection, and every winner its answer.
func TestFault_DuplicateExplicitVID_Race(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: world.Classified{}}, func(w *world.World) {
		w.TwoConns()
		hold := w.Hold()
		f := &world.Flight{Errs: make([]error, 100)}
		c := w.Caller
		c.Opts.WithVID(7)
		for i := range f.Errs {
			f.WG.Go(func() {
				f.Errs[i] = w.Tally.Call(context.Background(), c, []byte("race"))
			})
		}
		w.Settle()
		if n := hold.Len(); n != 2 {
			w.Errorf("%d calls at the peer, want one a connection", n)
		}
		hold.Release(nil)
		failed := f.Land()
		if len(failed) != 98 {
			w.Errorf("%d losers, want 98", len(failed))
		}
		for _, err := range failed {
			w.WantError(err, muxpool.ErrDupRequestID, false)
		}
	})
}

// TestFault_IDsExhausted: calls beyond the id space wait, and end with their
// context.
func TestFault_IDsExhausted(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: world.Spaced{IDs: muxtest.IDs8}, Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		stuck := w.Calls(256, time.Minute)
		w.Until(time.Second, "256 calls in flight", func() bool { return hold.Len() == 256 })
		for _, err := range w.Calls(44, 100*time.Millisecond).Land() {
			if errors.Is(err, muxpool.ErrDupRequestID) {
				w.Error("a caller without an explicit id got ", err)
			}
			w.WantError(err, context.DeadlineExceeded, false)
		}
		rest := w.Calls(44, time.Minute)
		w.Settle()
		w.Victim.Do(muxtest.Echo)
		hold.Release(nil)
		if failed := append(stuck.Land(), rest.Land()...); len(failed) > 0 {
			w.Errorf("%d calls failed: %v", len(failed), failed[0])
		}
	})
}
