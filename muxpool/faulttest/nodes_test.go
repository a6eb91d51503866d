package faulttest_test

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestFault_100ClientsServerBack: clients that lost a server at the same moment
// do not come back at the same moment. The backoff is larger than the default,
// since a limit of 50 ms spreads over 50 ms at most.
func TestFault_100ClientsServerBack(t *testing.T) {
	const clients, bin = 100, 10 * time.Millisecond
	muxtest.CheckLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(muxtest.Drop)
		defer peer.Close()
		var calls sync.WaitGroup
		for range clients {
			pool, err := muxpool.New(world.Settings(
				muxpool.WithDialContext(peer.DialContext),
				muxpool.WithConnectNumber(1),
				muxpool.WithReconnect(10, 50*time.Millisecond, 400*time.Millisecond))...)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			c := muxtest.NewCaller(pool, "tcp", "server:1", muxtest.Parser{})
			calls.Go(func() {
				if err := c.Call(context.Background(), nil); !errors.Is(err, muxpool.ErrConnLost) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		peer.Down()
		bounded.Wait(t, calls.Wait)
		time.Sleep(300 * time.Millisecond) // the outage
		var (
			mu   sync.Mutex // guards bins
			bins = map[time.Duration]int{}
		)
		back := time.Now()
		peer.OnAccept(func(*muxtest.Conn) {
			mu.Lock()
			defer mu.Unlock()
			bins[time.Since(back)/bin]++
		})
		peer.Up()
		time.Sleep(2 * time.Second) // until all are back
		mu.Lock()
		defer mu.Unlock()
		all := 0
		for at, n := range bins {
			all += n
			if n > clients/5 {
				t.Errorf("%d of %d clients came back in the 10 ms from %v", n, clients, at*bin)
			}
		}
		if all < clients*9/10 {
			t.Errorf("%d of %d clients came back", all, clients)
		}
	})
}

func TestFault_AllNodesDown(t *testing.T) {
	world.InBubble(t, world.Setup{}, func(w *world.World) {
		hold := w.Hold()
		calls := w.Calls(10, time.Minute)
		w.Until(time.Second, "10 calls at the peer", func() bool { return hold.Len() == 10 })
		w.Victim.Down()
		w.AllLost(calls, 10)
		w.Until(2*time.Second, "NodeExpelled", func() bool { return len(w.Heard(muxpool.NodeExpelled)) == 1 })
		limits := w.Heard(muxpool.ReconnectLimit)
		if len(limits) == 0 || limits[0].Attempt != 10 || !limits[0].Reason.Failure() || limits[0].Err == nil {
			w.Errorf("reconnect limit: %v", limits)
		}
		expelled := w.Heard(muxpool.NodeExpelled)[0]
		if !expelled.Reason.Failure() || !errors.Is(expelled.Err, syscall.ECONNREFUSED) {
			w.Errorf("expelled: %v", expelled)
		}
		before := w.Victim.Stats().Dials
		time.Sleep(10 * time.Second) // of bubble time
		if n := w.Victim.Stats().Dials - before; n != 0 {
			w.Errorf("%d dials of an expelled node that nobody calls", n)
		}
		for range 20 {
			w.Within(5*time.Millisecond, "a call to an expelled node", func() {
				err := w.Call()
				w.WantError(err, muxpool.ErrConnectionsHaveBeenExpelled, false)
				if !errors.Is(err, syscall.ECONNREFUSED) {
					w.Errorf("no cause in %v", err)
				}
			})
		}
		if n := w.Victim.Stats().Dials - before; n > 40 {
			w.Errorf("%d dials for 20 calls, want one a connection at most", n)
		}
	})
}

// TestFault_WaitersLearnOfTheExpel: calls that wait during a reconnect fail with
// the causes at the limit.
func TestFault_WaitersLearnOfTheExpel(t *testing.T) {
	world.InBubble(t, world.Setup{}, func(w *world.World) {
		hold := w.Hold()
		calls := w.Calls(10, time.Minute)
		w.Until(time.Second, "10 calls at the peer", func() bool { return hold.Len() == 10 })
		w.Victim.Down()
		w.AllLost(calls, 10)
		w.Settle() // a connection without calls has heard of it, too
		w.Within(time.Second, "the expel of a node", func() {
			for _, err := range w.Calls(10, time.Minute).Land() {
				w.WantError(err, muxpool.ErrConnectionsHaveBeenExpelled, false)
				if !errors.Is(err, muxpool.ErrReconnectLimit) || !errors.Is(err, syscall.ECONNREFUSED) {
					w.Errorf("causes are missing in %v", err)
				}
			}
		})
	})
}

// TestFault_FirstDialFails: the predecessor's node was poisoned by a failed first
// dial, and a Get with 50 ms waited 3.3 s.
func TestFault_FirstDialFails(t *testing.T) {
	world.InBubble(t, world.Setup{}, func(w *world.World) {
		w.Victim.OnDial(func(ctx context.Context, _ int) error {
			return world.StalledDial(ctx, 0)
		})
		w.Within(50*time.Millisecond, "a Get with 50 ms", func() {
			w.WantError(w.CallFor(50*time.Millisecond), context.DeadlineExceeded, false)
		})
		time.Sleep(2 * time.Second) // of bubble time: the dial timeout passes
		w.Victim.OnDial(nil)
		w.Victim.Down()
		for range 10 {
			err := w.Call()
			w.WantError(err, muxpool.ErrConnectionsHaveBeenExpelled, false)
			if !errors.Is(err, syscall.ECONNREFUSED) {
				w.Errorf("no cause in %v", err)
			}
		}
		w.Victim.Up()
		if err := w.Call(); err != nil {
			w.Error("the first call after the peer is back: ", err)
		}
	})
}

// TestFault_DialSharedByManyCallers: a caller that leaves does not end the dial
// that others wait for.
func TestFault_DialSharedByManyCallers(t *testing.T) {
	world.InBubble(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		w.Victim.OnDial(func(ctx context.Context, _ int) error {
			select {
			case <-time.After(500 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		short := w.Calls(50, 100*time.Millisecond)
		long := w.Calls(50, time.Second)
		if failed := short.Land(); len(failed) != 50 {
			w.Errorf("%d short calls failed, want 50", len(failed))
		}
		if failed := long.Land(); len(failed) != 0 {
			w.Errorf("%d long calls failed: %v", len(failed), failed[0])
		}
		if s := w.Victim.Stats(); s.Dials != 1 {
			w.Errorf("%d dials for 100 callers of one connection", s.Dials)
		}
	})
}

// TestFault_GoingAway: a connection that is told to go away answers what it
// has, takes nothing new, and nobody sees an error.
func TestFault_GoingAway(t *testing.T) {
	world.Both(t, world.Setup{Parser: world.Classified{}}, func(w *world.World) {
		first, second := w.TwoConns()
		hold := w.Hold()
		calls := w.Calls(100, time.Minute)
		w.Until(time.Second, "100 calls at the peer", func() bool { return hold.Len() == 100 })
		first.Send(muxtest.Frame{Kind: muxtest.GoAway})
		second.Send(muxtest.Frame{Kind: muxtest.GoAway})
		w.Victim.Do(muxtest.Echo)
		w.Settle()
		w.Until(time.Second, "new calls go to new connections", func() bool { return w.Call() == nil && w.Victim.Stats().Accepted > 2 })
		hold.Release(nil)
		if failed := calls.Land(); len(failed) > 0 {
			w.Errorf("%d calls failed: %v", len(failed), failed[0])
		}
		w.Until(time.Second, "the old connections end", func() bool { return first.Ended() && second.Ended() })
		for _, e := range w.Heard(0) {
			if e.Reason.Failure() {
				w.Errorf("a breaker would count %v", e)
			}
		}
	})
}

func TestFault_PreWarm(t *testing.T) {
	world.InBubble(t, world.Setup{}, func(w *world.World) {
		n := w.Caller.Node
		if err := w.Pool.PreWarm(context.Background(), n.Network, n.Address, w.Caller.Opts); err != nil {
			w.Fatal(err)
		}
		if s := w.Victim.Stats(); s.Open == 0 {
			w.Errorf("no connection after PreWarm: %+v", s)
		}
		w.Victim.Down()
		w.Settle()
		err := w.Pool.PreWarm(context.Background(), n.Network, n.Address, w.Caller.Opts)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			w.Errorf("PreWarm of a node that is down: %v", err)
		}
	})
}
