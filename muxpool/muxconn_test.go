package muxpool

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// peerFrames plays f in a bubble with a pool whose peers collect frames.
func peerFrames(t *testing.T, f func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		defer w.end()
		f(t, w)
	})
}

func TestCloseWithSendsALastFrameAfterTheContext(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Write(worldFrame(worldAnswer, m.VID(), 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Read(); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Read: %v, want the context's end", err)
		}
		m.(*muxConn).CloseWith(worldFrame(worldAnswer, m.VID(), 2))
		synctest.Wait()
		got := w.peers[0].got
		if len(got) != 2 || binary.BigEndian.Uint32(got[1][5:]) != 2 {
			t.Fatalf("the peer got %x, want the request and the last frame", got)
		}
		if err := m.Write(worldFrame(worldAnswer, m.VID(), 3)); !errors.Is(err, ErrMuxConnClosed) {
			t.Fatalf("Write after CloseWith: %v", err)
		}
	})
}

func TestCloseWithHasNothingToTakeBack(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		m, err := w.pool.GetMuxConn(context.Background(), "tcp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		m.(*muxConn).CloseWith(worldFrame(worldAnswer, m.VID(), 1))
		m.(*muxConn).CloseWith(worldFrame(worldAnswer, m.VID(), 1))
		synctest.Wait()
		if got := w.peers[0].got; len(got) != 0 {
			t.Fatalf("the peer got %x of a call that sent nothing", got)
		}
	})
}

// TestStaleMuxConnTouchesNobody: the call behind a closed MuxConn serves somebody
// else, but the MuxConn does not.
func TestStaleMuxConnTouchesNobody(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		get := func() MuxConn {
			m, err := w.pool.GetMuxConn(context.Background(), "tcp", "peer:1", w.opts)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		stale := get()
		stale.Close()
		fresh := get()
		defer fresh.Close()
		if err := stale.Write(worldFrame(worldAnswer, fresh.VID(), 1)); !errors.Is(err, ErrMuxConnClosed) {
			t.Fatalf("Write: %v", err)
		}
		if _, err := stale.Read(); !errors.Is(err, ErrMuxConnClosed) {
			t.Fatalf("Read: %v", err)
		}
		stale.Close()
		synctest.Wait()
		if got := w.peers[0].got; len(got) != 0 {
			t.Fatalf("the peer got %x", got)
		}
		if err := fresh.Write(worldFrame(worldAnswer, fresh.VID(), 2)); err != nil {
			t.Fatal(err)
		}
		if stale.LocalAddr() == nil || stale.RemoteAddr() == nil {
			t.Error("a closed MuxConn has forgotten its addresses")
		}
	})
}

// TestAWriteThatFailsTakesNothing: what a caller keeps is not given to the memory that others get, and what he has given away is.
func TestAWriteThatFailsTakesNothing(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		m, err := w.pool.GetMuxConn(t.Context(), "tcp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		const size = 8 << 10
		kept := make([]byte, size)
		if err := m.Write(kept); !errors.Is(err, ErrMuxConnClosed) {
			t.Errorf("Write: %v", err)
		}
		for range 10 {
			if got := wire.Alloc(size); &got[0] == &kept[0] {
				t.Fatal("the caller's memory was given to somebody else")
			}
		}
		if err := m.(OwnedWriter).WriteOwned(wire.Alloc(size)); !errors.Is(err, ErrMuxConnClosed) {
			t.Errorf("WriteOwned: %v", err)
		}
	})
}

// TestDeadlineThatEndedARead: its context remembers it, though it is canceled before anybody else asks.
func TestDeadlineThatEndedARead(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		ctx, cancel := deadline.WithTimeout(context.Background(), time.Second)
		m := w.mustGet(ctx)
		defer m.Close()
		w.mustWrite(m, 1)
		if e := bounded.Receive(t, readLater(m)); e.after != time.Second || !errors.Is(e.err, context.DeadlineExceeded) {
			t.Errorf("Read ended after %v with %v", e.after, e.err)
		}
		if cancel(); ctx.Err() != context.DeadlineExceeded {
			t.Errorf("the context says %v", ctx.Err())
		}
	})
}

// TestCallsAreGivenBack: by a MuxConn that was closed and has nobody at work, whatever was done with it before.
func TestCallsAreGivenBack(t *testing.T) {
	for name, use := range map[string]func(w *world, m *muxConn){
		"nothing":                 func(*world, *muxConn) {},
		"Write":                   func(w *world, m *muxConn) { w.mustWrite(m, 1) },
		"a Write that is refused": func(w *world, m *muxConn) { _ = m.Write(nil) },
		"Read": func(w *world, m *muxConn) {
			w.mustWrite(m, 1)
			w.mustAnswer(m)
			_, _ = m.Read()
		},
		"Gather": func(_ *world, m *muxConn) { m.Gather() },
		"CloseWith": func(w *world, m *muxConn) {
			w.mustWrite(m, 1)
			m.CloseWith(worldFrame(worldAnswer, m.id, 2))
		},
		"CloseWithRequest": func(w *world, m *muxConn) {
			w.mustWrite(m, 1)
			m.CloseWithRequest(func(id uint32) []byte { return worldFrame(worldAnswer, id, 2) })
		},
		"CloseWith, unasked":        func(_ *world, m *muxConn) { m.CloseWith(worldFrame(worldAnswer, m.id, 2)) },
		"CloseWithRequest, unasked": func(_ *world, m *muxConn) { m.CloseWithRequest(func(uint32) []byte { return nil }) },
	} {
		peerFrames(t, func(t *testing.T, w *world) {
			m := w.mustGet(t.Context())
			use(w, m)
			if m.Close(); m.call != nil {
				t.Errorf("%s: its call is kept", name)
			}
		})
	}
}

// TestGoingAwayThatACallHasRead: its connection takes no more calls, and ends with the last that it has.
func TestGoingAwayThatACallHasRead(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		first := w.mustGet(t.Context())
		first.GoingAway()
		second := w.mustGet(t.Context())
		defer second.Close()
		if first.conn == second.conn || w.pool.Stats().ConnsClosed.Total() != 0 {
			t.Error("the connection takes one more call, or has ended with one on it")
		}
		first.Close()
		synctest.Wait()
		if k := w.pool.Stats().ConnsClosed; k.By(ReasonGoingAway) != 1 || k.Total() != 1 {
			t.Errorf("ended have %v", k)
		}
	})
}
