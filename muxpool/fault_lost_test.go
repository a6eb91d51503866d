package muxpool_test

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestFault_PeerKilledWith1000InFlight(t *testing.T) {
	inBubble(t, setup{act: muxtest.Drop}, func(w *world) {
		calls := w.calls(1000, time.Minute)
		w.until(time.Second, "1000 calls in flight", func() bool { return w.victim.Stats().Calls == 1000 })
		w.victim.Do(muxtest.Echo)
		w.within(200*time.Millisecond, "the failure of 1000 calls", func() {
			w.victim.Down()
			w.allLost(calls, 1000)
		})
		w.recoversAfterUp()
	})
}

// allLost expects n calls to fail, maybe sent, since their connection was lost.
func (w *world) allLost(calls *flight, n int) {
	w.Helper()
	failed := calls.land()
	if len(failed) != n {
		w.Errorf("%d calls failed, want %d", len(failed), n)
	}
	for _, err := range failed {
		if w.failed(err, muxpool.ErrConnLost, true); w.Failed() {
			return
		}
	}
}

// recoversAfterUp lets the node be expelled, brings the peer back and expects
// calls to succeed within a second.
func (w *world) recoversAfterUp() {
	w.Helper()
	w.until(5*time.Second, "NodeExpelled", func() bool { return len(w.heard(muxpool.NodeExpelled)) > 0 })
	if err := w.victim.Up(); err != nil {
		w.Fatal(err)
	}
	w.recovers(time.Second)
	w.until(time.Second, "NodeReady again", func() bool {
		all := w.heard(0)
		for i := len(all) - 1; i >= 0 && all[i].Kind != muxpool.NodeExpelled; i-- {
			if all[i].Kind == muxpool.NodeReady {
				return true
			}
		}
		return false
	})
}

func TestFault_GracefulCloseIdle(t *testing.T) {
	both(t, setup{}, func(w *world) {
		for range 10 {
			w.twoConns()
			w.victim.CloseConns()
			w.until(time.Second, "the pool sees the close", func() bool { return len(w.node().Conns) == 0 })
		}
		for _, e := range w.heard(0) {
			if e.Reason.Failure() || e.Kind == muxpool.NodeExpelled {
				w.Errorf("a breaker would count %v", e)
			}
		}
	})
}

func TestFault_GracefulCloseInFlight(t *testing.T) {
	both(t, setup{}, func(w *world) {
		hold := w.hold()
		calls := w.calls(1000, time.Minute)
		w.until(5*time.Second, "1000 calls at the peer", func() bool { return hold.Len() == 1000 })
		var answered int
		hold.Release(func(c *muxtest.Conn, f muxtest.Frame) {
			if answered < 600 { // the order is that of one release: no lock needed
				answered++
				c.Reply(f)
			}
		})
		w.victim.CloseConns()
		w.allLost(calls, 400)
		if w.tally.OK() != 600 {
			w.Errorf("%d answers delivered, want 600", w.tally.OK())
		}
	})
}

// TestFault_AnswerAndClose: the predecessor lost answers when the peer answered
// and closed at once.
func TestFault_AnswerAndClose(t *testing.T) {
	both(t, setup{}, func(w *world) {
		hold := w.hold()
		calls := w.calls(1000, time.Minute)
		w.until(5*time.Second, "1000 calls at the peer", func() bool { return hold.Len() == 1000 })
		hold.Release(muxtest.Echo)
		w.victim.CloseConns()
		if failed := calls.land(); len(failed) > 0 {
			w.Errorf("%d of 1000 answers lost: %v", len(failed), failed[0])
		}
	})
}

func TestFault_ResetInMidFrame(t *testing.T) {
	both(t, setup{}, func(w *world) {
		w.twoConns()
		for i := range 100 {
			w.prove()
			w.victim.Do(muxtest.CutReset(muxtest.HeaderLen + 1))
			err := w.call()
			w.victim.Do(muxtest.Echo)
			w.failed(err, muxpool.ErrConnLost, true)
			if !errors.Is(err, syscall.ECONNRESET) {
				w.Errorf("no reset in the chain of %v", err)
			}
			w.until(time.Second, "the lost connection is replaced", func() bool {
				s := w.victim.Stats()
				return s.Accepted > 2+i && s.Open == 2
			})
			if accepted := w.victim.Stats().Accepted; accepted != 2+i+1 {
				w.Fatalf("%d connections after %d resets, want one new per lost one", accepted, i+1)
			}
		}
		if s := w.node(); s.Unknown != 0 || s.Late != 0 {
			w.Errorf("a partial frame was delivered: %+v", s)
		}
	})
}

// prove makes calls until both connections have answered one: until then, a loss
// counts as a failed attempt to connect.
func (w *world) prove() {
	w.Helper()
	w.until(time.Second, "both connections answer", func() bool {
		if failed := w.calls(4, time.Second).land(); len(failed) > 0 {
			w.Fatal(failed[0])
		}
		answered := 0
		for _, c := range w.node().Conns {
			if c.Frames > 0 {
				answered++
			}
		}
		return answered == 2
	})
}

func TestFault_TruncatedFrame(t *testing.T) {
	both(t, setup{opts: one}, func(w *world) {
		hold := w.hold()
		calls := w.calls(100, time.Minute)
		w.until(time.Second, "100 calls at the peer", func() bool { return hold.Len() == 100 })
		w.victim.Do(muxtest.Echo)
		for _, c := range w.victim.Conns() {
			answer := muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.Answer, Body: []byte("cut")})
			c.Write(answer[:muxtest.HeaderLen+1])
			c.Close()
		}
		failed := calls.land()
		if len(failed) != 100 {
			w.Errorf("%d calls failed, want all 100", len(failed))
		}
		for _, err := range failed {
			w.failed(err, muxpool.ErrConnLost, true)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				w.Fatalf("no io.ErrUnexpectedEOF in the chain of %v", err)
			}
		}
		w.recovers(time.Second)
	})
}

// one makes a world with a single connection a node.
var one = []muxpool.PoolOption{muxpool.WithConnectNumber(1)}

func TestFault_OneConnectionReconnecting(t *testing.T) {
	for name, opts := range map[string][]muxpool.PoolOption{
		"without limit": nil,
		"with limit":    {muxpool.WithMaxVirConnsPerConn(4)},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, setup{opts: opts}, func(w *world) {
				w.twoConns()
				w.victim.OnDial(stalledDial)
				w.victim.Do(muxtest.Reset)
				w.failed(w.call(), muxpool.ErrConnLost, true)
				w.victim.Do(muxtest.Echo)
				w.within(10*time.Millisecond, "100 calls on the healthy connection", func() {
					for range 25 {
						if failed := w.calls(4, time.Second).land(); len(failed) > 0 {
							w.Fatal(failed[0])
						}
					}
				})
				if open := w.victim.Stats().Open; open != 1 {
					w.Errorf("%d connections, want one healthy and one reconnecting", open)
				}
			})
		})
	}
}

func TestFault_OutageOf1500ms(t *testing.T) {
	t.Run("memory", func(t *testing.T) { inBubble(t, setup{}, func(w *world) { w.outages(often(20, 1)) }) })
	t.Run("sockets", func(t *testing.T) { onSockets(t, setup{}, func(w *world) { w.outages(often(20, 1)) }) })
}

func (w *world) outages(rounds int) {
	for round := range rounds {
		stop := w.retry(64, time.Millisecond, time.Second)
		w.recovers(time.Second)
		w.victim.ResetConns()
		w.victim.Down()
		time.Sleep(1500 * time.Millisecond) // the outage
		if err := w.victim.Up(); err != nil {
			w.Fatal(err)
		}
		time.Sleep(w.allowed(time.Second)) // the time to recover
		ok, all := w.count()
		time.Sleep(200 * time.Millisecond) // the sample
		ok2, all2 := w.count()
		stop()
		if ok, all = ok2-ok, all2-all; all == 0 || ok*100 < all*99 {
			w.Fatalf("round %d: %d of %d calls succeed a second after the outage", round, ok, all)
		}
	}
}

// count returns how many calls succeeded and how many returned so far.
func (w *world) count() (ok, all int) {
	ok = w.tally.OK()
	return ok, ok + len(w.tally.Errors())
}

func TestFault_PeerRestarted100Times(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		inBubble(t, setup{}, func(w *world) {
			dials := watchDials(w.victim)
			stop := w.retry(8, time.Millisecond, time.Second)
			for range 100 {
				w.recovers(time.Second)
				w.victim.Down()
				time.Sleep(20 * time.Millisecond)
				if err := w.victim.Up(); err != nil {
					w.Fatal(err)
				}
			}
			w.recovers(time.Second)
			stop()
			if n := dials.worst(); n > 2 {
				w.Errorf("%d dials at once, want one a connection at most", n)
			}
			w.until(time.Second, "no more than two connections", func() bool { return w.victim.Stats().Open <= 2 })
		})
	})
	// With processes: see TestFaultProcess_Restarted100Times.
}
