package muxpool_test

import (
	"context"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// abandon makes a call that ends before its answer, and returns its id.
func abandon(w *world.World) uint32 {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	mc, err := w.Caller.Get(ctx)
	if err != nil {
		w.Fatal(err)
	}
	defer mc.Close()
	err = w.Tally.Book(ctx, func() error { return muxtest.Exchange(mc, nil) })
	w.WantError(err, context.DeadlineExceeded, true)
	return mc.VID()
}

func TestFault_ReplyAfterCancel(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: few(0, 7, 0), Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		id := abandon(w)
		w.Victim.Do(muxtest.Echo)
		used := idsOf(w, 40)
		if used[id] > 0 || len(used) != 7 {
			w.Errorf("the ids %v were used while %d waits for its late answer", used, id)
		}
		if s := w.Node(); world.Reserved(s) != 1 {
			w.Errorf("%d ids reserved, want 1", world.Reserved(s))
		}
		hold.Release(nil)
		w.Until(time.Second, "the late reply is dropped and counted", func() bool {
			s := w.Node()
			return s.Late == 1 && world.Reserved(s) == 0
		})
		if used := idsOf(w, 40); used[id] == 0 {
			w.Errorf("id %d was not used again: %v", id, used)
		}
	})
}

// TestFault_ReservedUntilConnEnds: without a late reply, the end of the
// connection frees the id.
func TestFault_ReservedUntilConnEnds(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: few(0, 7, 0), Opts: world.OneConn, Act: muxtest.Drop}, func(w *world.World) {
		for range 8 {
			abandon(w)
		}
		w.Victim.Do(muxtest.Echo)
		w.Victim.CloseConns()
		if used := idsOf(w, 40); len(used) != 8 {
			w.Errorf("ids used on the new connection: %v", used)
		}
	})
}

// TestFault_DuplicateOfALateID: an explicit id whose answer is still awaited is
// in use too.
func TestFault_DuplicateOfALateID(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: world.Classified{}, Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		late := abandon(w)
		w.Victim.Do(muxtest.Echo)
		mc := w.Get(context.Background(), world.WithVID(late))
		w.WantError(muxtest.Exchange(mc, nil), muxpool.ErrDupRequestID, false)
		mc.Close()
		hold.Release(nil)
		w.Settle()
		mc = w.Get(context.Background(), world.WithVID(late))
		defer mc.Close()
		if err := muxtest.Exchange(mc, nil); err != nil {
			w.Error(err)
		}
	})
}

// TestFault_AllIDsAwaitLateAnswers: every id of the space belongs to a call that
// was cancelled, and no answer will ever come: the connection is of no use any
// more, and must give way to one that is.
func TestFault_AllIDsAwaitLateAnswers(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: few(0, 7, 0), Opts: world.OneConn, Act: muxtest.Drop}, func(w *world.World) {
		for range 8 {
			ctx, cancel := context.WithCancel(context.Background())
			mc := w.Get(ctx)
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
				w.Fatal(err)
			}
			cancel()
			_, err := mc.Read()
			w.WantError(err, context.Canceled, true)
			mc.Close()
		}
		w.Settle() // the calls are at the peer, which drops them
		w.Victim.Do(muxtest.Echo)
		w.Recovers(world.DropWithin)
	})
}

// TestFault_OneConnectionIsSilent: the peer answers nothing on one of two connections. Of
// callers who come one after the other one runs into that, at most: the others go where
// nobody was left unanswered, until the answer has come all the same.
func TestFault_OneConnectionIsSilent(t *testing.T) {
	world.InBubble(t, world.Setup{}, func(w *world.World) {
		silent, _ := w.TwoConns()
		var hold muxtest.Hold
		w.Victim.Do(func(c *muxtest.Conn, f muxtest.Frame) {
			if c == silent.Conn {
				hold.Do(c, f)
				return
			}
			muxtest.Echo(c, f)
		})
		for range 40 {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			mc := w.Get(ctx)
			_ = muxtest.Exchange(mc, nil)
			mc.Close()
			cancel()
		}
		if hold.Len() > 1 {
			w.Errorf("%d of 40 calls ran into the silence", hold.Len())
		}
		w.Victim.Do(muxtest.Echo)
		hold.Release(nil)
		w.Until(time.Second, "the late answer", func() bool { return world.Reserved(w.Node()) == 0 })
		idsOf(w, 64)
		for _, c := range w.Node().Conns {
			if c.Frames < 10 {
				w.Errorf("afterwards a connection had %d of 64 answers", c.Frames)
			}
		}
	})
}
