package faulttest_test

import (
	"errors"
	"io"
	"maps"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestFault_PeerKilledWith1000InFlight(t *testing.T) {
	world.InBubble(t, world.Setup{Act: muxtest.Drop}, func(w *world.World) {
		calls := w.Calls(1000, time.Minute)
		w.Until(time.Second, "1000 calls in flight", func() bool { return w.Victim.Stats().Calls == 1000 })
		w.Victim.Do(muxtest.Echo)
		w.Within(200*time.Millisecond, "the failure of 1000 calls", func() {
			w.Victim.Down()
			w.AllLost(calls, 1000)
		})
		recoversAfterUp(w)
	})
}

// recoversAfterUp lets the node be expelled, brings the peer back and expects
// calls to succeed within a second.
func recoversAfterUp(w *world.World) {
	w.Helper()
	w.Until(5*time.Second, "NodeExpelled", func() bool { return len(w.Heard(muxpool.NodeExpelled)) > 0 })
	if err := w.Victim.Up(); err != nil {
		w.Fatal(err)
	}
	w.Recovers(time.Second)
	w.Until(time.Second, "NodeReady again", func() bool {
		all := w.Heard(0)
		for i := len(all) - 1; i >= 0 && all[i].Kind != muxpool.NodeExpelled; i-- {
			if all[i].Kind == muxpool.NodeReady {
				return true
			}
		}
		return false
	})
}

func TestFault_GracefulCloseIdle(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		for range 10 {
			w.TwoConns()
			w.Victim.CloseConns()
			w.Until(time.Second, "the pool sees the close", func() bool { return len(w.Node().Conns) == 0 })
		}
		w.Until(time.Second, "all is told", func() bool { return len(w.Heard(muxpool.ConnDown)) == 20 })
		for _, e := range w.Heard(0) {
			if e.Reason.Failure() || e.Kind == muxpool.NodeExpelled {
				w.Errorf("a breaker would count %v", e)
			}
		}
	})
}

func TestFault_GracefulCloseInFlight(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		hold := w.Hold()
		calls := w.Calls(1000, time.Minute)
		w.Until(5*time.Second, "1000 calls at the peer", func() bool { return hold.Len() == 1000 })
		var answered int
		hold.Release(func(c *muxtest.Conn, f muxtest.Frame) {
			if answered < 600 { // the order is that of one release: no lock needed
				answered++
				c.Reply(f)
			}
		})
		w.Victim.CloseConns()
		w.AllLost(calls, 400)
		if w.Tally.OK() != 600 {
			w.Errorf("%d answers delivered, want 600", w.Tally.OK())
		}
	})
}

// TestFault_AnswerAndClose: the predecessor lost answers when the peer answered
// and closed at once.
func TestFault_AnswerAndClose(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		hold := w.Hold()
		calls := w.Calls(1000, time.Minute)
		w.Until(5*time.Second, "1000 calls at the peer", func() bool { return hold.Len() == 1000 })
		hold.Release(muxtest.Echo)
		w.Victim.CloseConns()
		if failed := calls.Land(); len(failed) > 0 {
			w.Errorf("%d of 1000 answers lost: %v", len(failed), failed[0])
		}
	})
}

func TestFault_ResetInMidFrame(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		w.TwoConns()
		for i := range 100 {
			w.Prove()
			w.Victim.Do(muxtest.CutReset(muxtest.HeaderLen + 1))
			err := w.Call()
			w.Victim.Do(muxtest.Echo)
			w.WantError(err, muxpool.ErrConnLost, true)
			if !errors.Is(err, syscall.ECONNRESET) {
				w.Errorf("no reset in the chain of %v", err)
			}
			w.Until(time.Second, "the lost connection is replaced", func() bool {
				s := w.Victim.Stats()
				return s.Accepted > 2+i && s.Open == 2
			})
			if accepted := w.Victim.Stats().Accepted; accepted != 2+i+1 {
				w.Fatalf("%d connections after %d resets, want one new per lost one", accepted, i+1)
			}
		}
		if s := w.Node(); s.Unknown != 0 || s.Late != 0 {
			w.Errorf("a partial frame was delivered: %+v", s)
		}
	})
}

func TestFault_TruncatedFrame(t *testing.T) {
	world.Both(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		calls := w.Calls(100, time.Minute)
		w.Until(time.Second, "100 calls at the peer", func() bool { return hold.Len() == 100 })
		w.Victim.Do(muxtest.Echo)
		for _, c := range w.Victim.Conns() {
			answer := muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.Answer, Body: []byte("cut")})
			c.Write(answer[:muxtest.HeaderLen+1])
			c.Close()
		}
		failed := calls.Land()
		if len(failed) != 100 {
			w.Errorf("%d calls failed, want all 100", len(failed))
		}
		for _, err := range failed {
			w.WantError(err, muxpool.ErrConnLost, true)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				w.Fatalf("no io.ErrUnexpectedEOF in the chain of %v", err)
			}
		}
		w.Recovers(time.Second)
	})
}

func TestFault_OneConnectionReconnecting(t *testing.T) {
	for name, opts := range map[string][]muxpool.PoolOption{
		"without limit": nil,
		"with limit":    {muxpool.WithMaxVirConnsPerConn(4)},
	} {
		t.Run(name, func(t *testing.T) {
			world.InBubble(t, world.Setup{Opts: opts}, func(w *world.World) {
				w.TwoConns()
				w.Victim.OnDial(world.StalledDial)
				w.Victim.Do(muxtest.Reset)
				w.WantError(w.Call(), muxpool.ErrConnLost, true)
				w.Victim.Do(muxtest.Echo)
				w.Within(10*time.Millisecond, "100 calls on the healthy connection", func() {
					for range 25 {
						if failed := w.Calls(4, time.Second).Land(); len(failed) > 0 {
							w.Fatal(failed[0])
						}
					}
				})
				if open := w.Victim.Stats().Open; open != 1 {
					w.Errorf("%d connections, want one healthy and one reconnecting", open)
				}
			})
		})
	}
}

// processOutage is the same outage of a process that is killed, where there are
// signals.
var processOutage = map[string]func(*testing.T){}

func TestFault_OutageOf1500ms(t *testing.T) {
	outages := func(w *world.World) {
		outages(w, w.Victim.Down, w.Victim.Up)
	}
	t.Run("memory", func(t *testing.T) { world.InBubble(t, world.Setup{}, outages) })
	rows := map[string]func(*testing.T){
		"sockets": func(t *testing.T) { world.OnSockets(t, world.Setup{Beside: true}, outages) },
	}
	maps.Copy(rows, processOutage)
	world.AtOnce(t, rows)
}

// outages lets 64 callers retry each millisecond while the victim is gone for 1.5 s,
// and expects 99% of calls to succeed within a second of its return; on sockets, soon.
func outages(w *world.World, down func(), up func() error) {
	w.Helper()
	stop := w.Retry(64, time.Millisecond, w.Allowed(time.Second))
	for range world.Often(20, 1) {
		w.Recovers(time.Second)
		w.Victim.ResetConns()
		down()
		time.Sleep(1500 * time.Millisecond) // the outage
		if err := up(); err != nil {
			w.Fatal(err)
		}
		w.Until(time.Second, "99% of calls succeed", func() bool {
			ok, all := sample(w, 200*time.Millisecond)
			return all > 0 && ok*100 >= all*99
		})
	}
	stop()
}

// sample returns how many of the calls that return within d succeed.
func sample(w *world.World, d time.Duration) (ok, all int) {
	ok, all = count(w)
	time.Sleep(d) // the sample
	ok2, all2 := count(w)
	return ok2 - ok, all2 - all
}

// count returns how many calls succeeded and how many returned so far.
func count(w *world.World) (ok, all int) {
	ok = w.Tally.OK()
	return ok, ok + len(w.Tally.Errors())
}

func TestFault_PeerRestarted100Times(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		world.InBubble(t, world.Setup{}, func(w *world.World) {
			dials := world.WatchDials(w.Victim)
			stop := w.Retry(8, time.Millisecond, time.Second)
			for range 100 {
				w.Recovers(time.Second)
				w.Victim.Down()
				time.Sleep(20 * time.Millisecond)
				if err := w.Victim.Up(); err != nil {
					w.Fatal(err)
				}
			}
			w.Recovers(time.Second)
			stop()
			if n := dials.Worst(); n > 2 {
				w.Errorf("%d dials at once, want one a connection at most", n)
			}
			w.Until(time.Second, "no more than two connections", func() bool { return w.Victim.Stats().Open <= 2 })
		})
	})
	// With processes: see TestFaultProcess_Restarted100Times.
}
