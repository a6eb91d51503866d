package breaker_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// teller is a pool that can be asked how things stand.
type teller struct {
	source
	now muxpool.Stats
}

func (s *teller) Stats() muxpool.Stats { return s.now }

// TestLostEventsAreMadeUpFor: of more events than a subscriber takes the oldest are lost;
// what they told of is known all the same: that the pool has given a node up, that it is
// back, and how many connections it has.
func TestLostEventsAreMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pool teller
		f := &fixture{t: t, Group: breaker.NewGroup(breaker.WithoutJitter())}
		defer f.Close()
		defer f.Watch(&pool)()
		f.Hold(nodeA)
		f.Hold(nodeB)
		emit := func(kind muxpool.EventKind, reason muxpool.Reason, lost int) {
			time.Sleep(100 * time.Millisecond)
			pool.emit(muxpool.Event{Kind: kind, Node: nodeA, Reason: reason, Time: time.Now(), Lost: lost})
			synctest.Wait()
		}
		stands := func(state muxpool.NodeState, conns ...muxpool.ConnStats) {
			pool.now = muxpool.Stats{Nodes: []muxpool.NodeStats{{Node: nodeN(7), State: muxpool.NodeDown}, {Node: nodeA, State: state, Conns: conns}}}
		}
		conn := muxpool.ConnStats{State: muxpool.ConnOpen, Frames: 1}

		emit(muxpool.ConnUp, muxpool.ReasonNone, 0)
		f.state(nodeA, breaker.Closed)
		stands(muxpool.NodeDown)
		emit(muxpool.DialFailed, muxpool.ReasonDialFailed, 5) // the expel is among the five
		f.open(nodeA, breaker.ReasonNodeExpelled)

		stands(muxpool.NodeUp, muxpool.ConnStats{State: muxpool.ConnOpen})
		emit(muxpool.ConnUp, muxpool.ReasonNone, 5) // connected, and it has answered nothing
		f.open(nodeA, breaker.ReasonNodeExpelled)
		stands(muxpool.NodeUp, conn, conn)
		emit(muxpool.ConnUp, muxpool.ReasonNone, 5)
		f.state(nodeA, breaker.Closed)

		emit(muxpool.ConnDown, muxpool.ReasonKeepAliveTimeout, 0) // there were two
		f.state(nodeA, breaker.Closed)
		emit(muxpool.ConnDown, muxpool.ReasonKeepAliveTimeout, 0)
		f.open(nodeA, breaker.ReasonKeepAliveTimeout)
	})
}

// All connections of which the pool does not tell any more have gone, of whatever node.
func TestConnectionsOfWhichNothingIsToldHaveGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pool teller
		f := &fixture{t: t, Group: breaker.NewGroup(breaker.WithoutJitter())}
		defer f.Close()
		defer f.Watch(&pool)()
		emit := func(node muxpool.Node, kind muxpool.EventKind, reason muxpool.Reason, lost int) {
			time.Sleep(time.Millisecond)
			pool.emit(muxpool.Event{Kind: kind, Node: node, Reason: reason, Time: time.Now(), Lost: lost})
			synctest.Wait()
		}
		for i := range 8 {
			f.Hold(nodeN(i))
			emit(nodeN(i), muxpool.ConnUp, muxpool.ReasonNone, 0)
		}
		emit(nodeN(9), muxpool.ConnUp, muxpool.ReasonNone, 5)
		for i := range 8 {
			emit(nodeN(i), muxpool.ConnUp, muxpool.ReasonNone, 0)
			emit(nodeN(i), muxpool.ConnDown, muxpool.ReasonKeepAliveTimeout, 0) // it was the only one
			f.open(nodeN(i), breaker.ReasonKeepAliveTimeout)
		}
	})
}
