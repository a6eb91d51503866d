package muxpool_test

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// badConn lets the first connection misbehave while both carry calls, and
// expects an error of that kind on it, its end within 100 ms, and its sibling
// unharmed. It returns the errors.
func badConn(w *world.World, act muxtest.Action, kind error) []error {
	w.Helper()
	bad, good := w.TwoConns()
	hold := w.Hold()
	calls := w.Calls(100, time.Minute)
	w.Until(time.Second, "100 calls at the peer", func() bool { return hold.Len() == 100 })
	onBad := bad.Received()
	w.Within(100*time.Millisecond, "the end of the bad connection", func() {
		act(bad.Conn, muxtest.Frame{ID: 1})
		w.Until(100*time.Millisecond, "the bad connection is closed", bad.Ended)
	})
	hold.Release(nil) // goes nowhere on the bad connection
	w.Victim.Do(muxtest.Echo)
	failed := calls.Land()
	if good.Ended() || len(failed) == 0 || len(failed) > onBad {
		w.Errorf("%d calls failed, %d were on the bad connection; its sibling ended: %v", len(failed), onBad, good.Ended())
	}
	for _, err := range failed {
		if w.WantError(err, kind, true); w.Failed() {
			break
		}
	}
	w.Recovers(time.Second)
	return failed
}

func TestFault_GarbageBytes(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) { badConn(w, muxtest.Garbage, muxpool.ErrProtocol) })
}

func TestFault_LengthFFFFFFFF(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) { badConn(w, muxtest.HugeLength, muxpool.ErrFrameTooLarge) })
	for name, parser := range map[string]muxpool.FrameParser{"pooled": muxtest.Parser{}, "plain": muxtest.PlainParser{}} {
		t.Run("allocates/"+name, func(t *testing.T) {
			least := uint64(math.MaxUint64) // what else the process does adds to it
			for n := 0; n < 10 && least >= 64<<10; n++ {
				least = min(least, hugeLengthAllocates(t, parser))
			}
			if least >= 64<<10 {
				t.Errorf("%d bytes allocated, want less than 64 KiB", least)
			}
		})
	}
}

// hugeLengthAllocates returns how many bytes the process allocates while a call's answer says that
// it is of 4 GiB.
func hugeLengthAllocates(t *testing.T, parser muxpool.FrameParser) (n uint64) {
	t.Helper()
	world.InBubble(t, world.Setup{Parser: parser, Alone: true, Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		calls := w.Calls(1, time.Minute)
		w.Until(time.Second, "the call at the peer", func() bool { return hold.Len() == 1 })
		w.Victim.OnDial(world.StalledDial) // a new connection would allocate too
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		hold.Release(muxtest.HugeLength)
		if parser == (muxtest.PlainParser{}) {
			w.Victim.CloseConns() // it waits for bytes, as it trusts no length
		}
		failed := calls.Land()
		runtime.ReadMemStats(&after)
		if len(failed) != 1 {
			w.Fatal("the call succeeded")
		}
		n = after.TotalAlloc - before.TotalAlloc
	})
	return n
}

// greedy is a parser that trusts the peer's length, and hides the error of
// the reader.
type greedy struct{ muxtest.Parser }

func (greedy) Parse(r io.Reader) (uint32, []byte, error) {
	b := make([]byte, 2<<20)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, nil, errors.New("something went wrong")
	}
	return 0, b, nil
}

// TestFault_FrameOverLimit: the pool bounds the reader, whatever the parser does.
func TestFault_FrameOverLimit(t *testing.T) {
	for name, parser := range map[string]muxpool.FrameParser{"pooled": muxtest.Parser{}, "plain": muxtest.PlainParser{}, "greedy": greedy{}} {
		t.Run(name, func(t *testing.T) {
			alone := parser == (greedy{}) // it cannot serve a healthy node either
			tooLarge := func(c *muxtest.Conn, f muxtest.Frame) {
				go c.Send(muxtest.Frame{Kind: muxtest.Answer, ID: f.ID, Body: make([]byte, 3<<20)})
			}
			world.InBubble(t, world.Setup{Parser: parser, Act: tooLarge, Opts: world.OneConn, Alone: alone}, func(w *world.World) {
				w.WantError(w.Call(), muxpool.ErrFrameTooLarge, true)
			})
		})
	}
	t.Run("written", func(t *testing.T) {
		world.InBubble(t, world.Setup{}, func(w *world.World) {
			mc := w.Get(context.Background())
			defer mc.Close()
			w.WantError(mc.Write(make([]byte, 1<<20+1)), muxpool.ErrFrameTooLarge, false)
			if err := muxtest.Exchange(mc, []byte("the connection is fine")); err != nil {
				w.Error(err)
			}
		})
	})
}

func TestFault_UnknownID(t *testing.T) {
	world.Both(t, world.Setup{Act: muxtest.UnknownID}, func(w *world.World) {
		for range 100 {
			if err := w.Call(); err != nil {
				w.Fatal(err)
			}
		}
		w.Until(time.Second, "100 unknown frames are counted", func() bool { return w.Node().Unknown == 100 })
		// The second may come behind all calls, which need one only.
		w.Until(5*time.Second, "both connections are there, and no other was", func() bool {
			s := w.Victim.Stats()
			return s.Accepted == 2 && s.Open == 2
		})
	})
}

// twice answers twice, with another nonce the second time, which shows which one
// won.
func twice(c *muxtest.Conn, f muxtest.Frame) {
	c.Reply(f)
	c.Reply(muxtest.Frame{ID: f.ID, Nonce: ^f.Nonce, Body: f.Body})
}

func TestFault_DuplicateReply(t *testing.T) {
	world.Both(t, world.Setup{Parser: world.Classified{}, Act: twice}, func(w *world.World) {
		for range 50 {
			if err := w.Call(); err != nil {
				w.Fatal(err)
			}
		}
		w.Until(time.Second, "50 second replies are counted", func() bool { return w.Node().Duplicate == 50 })
		// The second may come behind all calls, which need one only.
		w.Until(5*time.Second, "both connections are there, and no other was", func() bool {
			s := w.Victim.Stats()
			return s.Accepted == 2 && s.Open == 2
		})
	})
}

// TestFault_DuplicateReplyIsNoAnswerToTheNextCall: the second reply comes while
// nothing is asked, and then the same MuxConn asks again.
func TestFault_DuplicateReplyIsNoAnswerToTheNextCall(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: world.Classified{}, Act: twice}, func(w *world.World) {
		mc := w.Get(context.Background())
		defer mc.Close()
		for range 10 {
			if err := w.Tally.Book(context.Background(), func() error { return muxtest.Exchange(mc, nil) }); err != nil {
				w.Fatal(err)
			}
			w.Settle() // the second reply arrives
		}
		if n := w.Node().Duplicate; n != 10 {
			w.Errorf("%d duplicates counted, want 10", n)
		}
	})
}

// panicky panics when the peer answers with its favourite nonce.
type panicky struct{ muxtest.Parser }

func (p panicky) Parse(r io.Reader) (uint32, []byte, error) {
	id, b, err := p.Parser.Parse(r)
	if f, ferr := muxtest.DecodeFrame(b); err == nil && ferr == nil && f.Nonce == 666 {
		panic("a bug in a parser")
	}
	return id, b, err
}

func TestFault_ParserPanics(t *testing.T) {
	world.Both(t, world.Setup{Parser: panicky{}}, func(w *world.World) {
		badConn(w, func(c *muxtest.Conn, _ muxtest.Frame) {
			c.Send(muxtest.Frame{Kind: muxtest.Answer, Nonce: 666})
		}, muxpool.ErrProtocol)
	})
}

// TestFault_NeverRead: 125 MiB to a MuxConn that nobody reads. What was kept
// can be read, then ErrRecvQueueFull.
func TestFault_NeverRead(t *testing.T) {
	const (
		frame = 64 << 10
		limit = 1 << 20
	)
	opts := append([]muxpool.PoolOption{muxpool.WithRecvLimit(limit)}, world.OneConn...)
	setup := world.Setup{Parser: world.Classified{}, Act: muxtest.Stream(world.Often(2000, 500)), Opts: opts}
	world.Both(t, setup, func(w *world.World) {
		before := muxtest.Now().Heap
		mc := w.Get(context.Background())
		defer mc.Close()
		if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, frame)))); err != nil {
			w.Fatal(err)
		}
		w.Until(10*time.Second, "the peer got the call", func() bool { return w.Victim.Stats().Calls == 1 })
		w.Victim.Do(muxtest.Echo)
		for range 20 { // siblings, on the same connection, behind the flood
			if err := w.CallFor(w.Allowed(10 * time.Second)); err != nil {
				w.Fatal("a sibling: ", err)
			}
		}
		if now := muxtest.Now().Heap; now > before+4*limit {
			w.Errorf("the heap grew by %d bytes, the limit is %d", now-before, limit)
		}
		keptThenFull(w, mc, limit/frame)
	})
}

// keptThenFull reads what was kept of a flood, about that many frames.
func keptThenFull(w *world.World, mc muxpool.MuxConn, about int) {
	w.Helper()
	for kept := 0; ; kept++ {
		_, err := mc.Read()
		if err == nil {
			continue
		}
		w.WantError(err, muxpool.ErrRecvQueueFull, true)
		if kept < 1 || kept > about {
			w.Errorf("%d frames were kept, want 1 to %d", kept, about)
		}
		return
	}
}

// TestFault_ExpiredCallFlooded: the predecessor kept 263 MB for a call whose
// context had ended.
func TestFault_ExpiredCallFlooded(t *testing.T) {
	flood := func(c *muxtest.Conn, f muxtest.Frame) {
		time.Sleep(100 * time.Millisecond) // of bubble time: until the caller has left
		muxtest.Stream(world.Often(4000, 1000))(c, f)
	}
	world.InBubble(t, world.Setup{Parser: world.Classified{}, Act: flood, Opts: world.OneConn}, func(w *world.World) {
		before := muxtest.Now().Heap
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		mc := w.Get(ctx) // closed only at the end
		defer mc.Close()
		err := w.Tally.Book(ctx, func() error { return muxtest.Exchange(mc, make([]byte, 64<<10)) })
		w.WantError(err, context.DeadlineExceeded, true)
		w.Victim.Do(muxtest.Echo)
		if err := w.CallFor(10 * time.Second); err != nil { // behind the flood
			w.Fatal(err)
		}
		if now := muxtest.Now().Heap; now > before+8<<20 {
			w.Errorf("the heap grew by %d bytes", now-before)
		}
		if s := w.Node(); s.Late == 0 {
			w.Errorf("no late frame was counted: %+v", s)
		}
	})
}
