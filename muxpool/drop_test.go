package muxpool_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// conns returns the connections to the victim, in all its identities.
func conns(w *world.World) (n int) {
	for _, node := range w.Pool.Stats().Nodes {
		if node.Node == w.Caller.Node {
			n += len(node.Conns)
		}
	}
	return n
}

// TestDropLetsAnIdleNodeGo: its connections close at once, it is forgotten, the next Get
// makes it anew, and nobody takes that for a failure.
func TestDropLetsAnIdleNodeGo(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		for round := range 3 {
			first, second := w.TwoConns()
			dials := w.Pool.Stats().Dials
			w.Pool.Drop(w.Caller.Node)
			w.Until(time.Second, "both connections end", func() bool { return first.Ended() && second.Ended() })
			w.Until(time.Second, "the pool forgets the node", func() bool {
				return !slices.ContainsFunc(w.Pool.Stats().Nodes, func(n muxpool.NodeStats) bool { return n.Node == w.Caller.Node })
			})
			if got := w.Pool.Stats().Dials; got < dials {
				w.Errorf("round %d: %d dials counted after the drop, %d before", round, got, dials)
			}
			w.Pool.Drop(w.Caller.Node) // nothing is there
		}
		w.Settle()
		for _, kind := range []muxpool.EventKind{muxpool.NodeExpelled, muxpool.ReconnectLimit, muxpool.DialFailed} {
			if heard := w.Heard(kind); len(heard) > 0 {
				w.Errorf("%v", heard)
			}
		}
		w.Until(time.Second, "all ends are told", func() bool { return len(w.Heard(muxpool.ConnDown)) >= 3*2 })
		for _, e := range w.Heard(muxpool.ConnDown) {
			if e.Reason != muxpool.ReasonDropped || e.Reason.Failure() {
				w.Errorf("the reason is %v", e.Reason)
			}
		}
	})
}

// TestDropLetsCallsInFlightFinish: who is on a connection keeps it until the answer came; who
// comes meanwhile gets another one; the old one ends after its last.
func TestDropLetsCallsInFlightFinish(t *testing.T) {
	world.Both(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		old := w.Calls(8, 5*time.Second)
		w.Until(time.Second, "the victim has them", func() bool { return hold.Len() == 8 })
		conn := world.Link{Conn: w.Victim.Conns()[0]}
		w.Pool.Drop(w.Caller.Node)
		w.Victim.Do(muxtest.Echo)
		if err := w.Call(); err != nil {
			w.Error("a call after the drop: ", err)
		}
		if conn.Ended() {
			w.Error("the connection ended with calls on it")
		}
		if got := conns(w); got != 2 {
			w.Errorf("%d connections are told, want the old and the new", got)
		}
		hold.Release(muxtest.Echo)
		if failed := old.Land(); len(failed) > 0 {
			w.Error("a call in flight: ", failed[0])
		}
		w.Until(time.Second, "the old connection ends", conn.Ended)
		w.Until(time.Second, "only the new one is left", func() bool { return conns(w) == 1 })
	})
}

// TestDropLetsAllIdentitiesGo: those that differ in their parser, say.
func TestDropLetsAllIdentitiesGo(t *testing.T) {
	world.Both(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		other := muxtest.NewCaller(w.Pool, w.Caller.Node.Network, w.Caller.Node.Address, &muxtest.Parser{})
		for _, c := range []muxtest.Caller{w.Caller, other} {
			ctx, cancel := context.WithTimeout(context.Background(), w.Allowed(time.Second))
			defer cancel()
			if err := c.Call(ctx, []byte("x")); err != nil {
				w.Fatal(err)
			}
		}
		if got := conns(w); got != 2 {
			w.Fatalf("%d connections, want one for each identity", got)
		}
		w.Pool.Drop(w.Caller.Node)
		w.Until(time.Second, "both end", func() bool { return conns(w) == 0 })
	})
}

// TestDropOfANodeThatIsWaitedFor: a Get that waits for a dial, or for a place, is served by the
// node that is made anew.
func TestDropOfANodeThatIsWaitedFor(t *testing.T) {
	world.InBubble(t, world.Setup{Opts: []muxpool.PoolOption{muxpool.WithConnectNumber(1), muxpool.WithMaxVirConnsPerConn(1)}}, func(w *world.World) {
		stalled := true
		w.Victim.OnDial(func(ctx context.Context, n int) error {
			if stalled {
				return world.StalledDial(ctx, n)
			}
			return nil
		})
		waiting := w.Calls(1, 500*time.Millisecond)
		w.Settle()
		stalled = false
		w.Pool.Drop(w.Caller.Node)
		if failed := waiting.Land(); len(failed) > 0 {
			w.Error("waiting for a dial: ", failed[0])
		}
		known := 0
		for _, n := range w.Pool.Stats().Nodes {
			if n.Node == w.Caller.Node {
				known++
			}
		}
		if known != 1 {
			w.Errorf("%d nodes are told, want the new one: the old one had no connection", known)
		}

		hold := w.Hold()
		first := w.Calls(1, 5*time.Second)
		w.Settle()
		second := w.Calls(1, 500*time.Millisecond)
		w.Settle()
		w.Victim.Do(muxtest.Echo)
		w.Pool.Drop(w.Caller.Node)
		if failed := second.Land(); len(failed) > 0 {
			w.Error("waiting for a place: ", failed[0])
		}
		hold.Release(muxtest.Echo)
		if failed := first.Land(); len(failed) > 0 {
			w.Error("on the old connection: ", failed[0])
		}
	})
}

// TestCloseEndsTheCallsOfADroppedNode: the pool does not lose sight of what drains.
func TestCloseEndsTheCallsOfADroppedNode(t *testing.T) {
	world.Both(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		flight := w.Calls(1, 5*time.Second)
		w.Until(time.Second, "the victim has it", func() bool { return hold.Len() == 1 })
		w.Pool.Drop(w.Caller.Node)
		if err := w.Pool.Close(); err != nil {
			w.Error(err)
		}
		w.Within(time.Second, "the call's end", func() {
			if failed := flight.Land(); len(failed) != 1 || !errors.Is(failed[0], muxpool.ErrPoolClosed) {
				w.Errorf("%v", failed)
			}
		})
		w.Pool.Drop(w.Caller.Node)
	})
}

// TestDropUnderLoadLosesNoCall: others use the node while it is dropped again and again.
func TestDropUnderLoadLosesNoCall(t *testing.T) {
	world.OnSockets(t, world.Setup{}, func(w *world.World) {
		done := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if err := w.Call(); err != nil {
						w.Error(err)
						return
					}
				}
			})
		}
		for range 50 {
			time.Sleep(2 * time.Millisecond) // the pace of the drops
			w.Pool.Drop(w.Caller.Node)
		}
		close(done)
		wg.Wait()
	})
}
