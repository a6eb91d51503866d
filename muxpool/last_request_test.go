package muxpool

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// getNow is mustGet for what is free at once: no time passes.
func (w *world) getNow() *muxConn {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	got := make(chan MuxConn, 1)
	go func() {
		if m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts); err == nil {
			got <- m
		}
	}()
	synctest.Wait()
	select {
	case m := <-got:
		return m.(*muxConn)
	default:
		cancel()
		w.t.Fatal("no id is free")
		return nil
	}
}

// leave makes a call that is not answered, and leaves with a request that has an id of its
// own; 0: none was to be had.
func (w *world) leave(t *testing.T, frame func(id uint32) []byte) (m *muxConn, own uint32) {
	t.Helper()
	m = w.getNow()
	w.mustWrite(m, 1)
	m.CloseWithRequest(func(id uint32) []byte {
		own = id
		return frame(id)
	})
	return m, own
}

func TestLastRequestHasAnIDUntilItIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		defer w.end()
		m, own := w.leave(t, func(id uint32) []byte { return worldFrame(worldAnswer, id, 2) })
		synctest.Wait()
		got := w.peers[0].got
		if len(got) != 2 || binary.BigEndian.Uint32(got[1][1:]) != own || own == m.id {
			t.Fatalf("the peer got %x, of the call %d and its cancel %d", got, m.id, own)
		}
		taken := make(map[uint32]bool)
		for range 5 { // all other ids: there are 7
			next := w.getNow()
			defer next.Close()
			taken[next.id] = true
		}
		if len(taken) != 5 || taken[own] || taken[m.id] {
			t.Errorf("%v are in use beside %d and %d", taken, own, m.id)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		freed := make(chan uint32, 1)
		go func() {
			next, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts)
			if err != nil {
				t.Error(err)
				close(freed)
				return
			}
			defer next.Close()
			freed <- next.VID()
		}()
		synctest.Wait()
		if _, err := w.peers[0].nc.Write(worldFrame(worldAnswer, own, 2)); err != nil {
			t.Fatal(err)
		}
		if id := bounded.Receive(t, freed); id != own {
			t.Errorf("the answer to %d freed %d", own, id)
		}
		if k := w.pool.Stats().Counters; k.Late != 1 || k.Unknown != 0 {
			t.Errorf("%d late answers, %d unknown: want one late", k.Late, k.Unknown)
		}
	})
}

func TestLastRequestThatIsNotMadeKeepsNoID(t *testing.T) {
	for name, frame := range map[string]func(uint32) []byte{
		"nothing": func(uint32) []byte { return nil },
		"a panic": func(uint32) []byte { panic("cancel") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 0)
				defer w.end()
				func() {
					defer func() { _ = recover() }()
					w.leave(t, frame)
				}()
				synctest.Wait()
				if got := w.peers[0].got; len(got) != 1 {
					t.Errorf("the peer got %x", got)
				}
				for range 6 { // all but the call's own, whose answer may come
					defer w.getNow().Close()
				}
			})
		})
	}
}

func TestLastRequestWithoutAFreeID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		defer w.end()
		for range 6 {
			defer w.getNow().Close()
		}
		if _, own := w.leave(t, func(id uint32) []byte { return worldFrame(worldAnswer, id, 2) }); own != 0 {
			t.Errorf("id %d was to be had of none", own)
		}
		synctest.Wait()
		if got := w.peers[0].got; len(got) != 1 {
			t.Errorf("the peer got %x", got)
		}
	})
}

// TestLastRequestToAPeerThatTakesNoMoreCalls: it would be refused.
func TestLastRequestToAPeerThatTakesNoMoreCalls(t *testing.T) {
	for most, want := range map[int]int{1: 1, 2: 2} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 0)
			defer w.end()
			m := w.getNow()
			w.mustWrite(m, 1)
			m.conn.peer.Store(&Settings{MaxCalls: most})
			m.CloseWithRequest(func(id uint32) []byte { return worldFrame(worldAnswer, id, 2) })
			synctest.Wait()
			if got := w.peers[0].got; len(got) != want {
				t.Errorf("of a peer that takes %d calls: it got %x, want %d frames", most, got, want)
			}
		})
	}
}

func TestLastRequestOfACallThatSentNothing(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		m := w.getNow()
		for range 2 {
			m.CloseWithRequest(func(uint32) []byte { t.Error("there is nothing to take back"); return nil })
		}
	})
}
