package breaker

import (
	"errors"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// snapshots is a Source that can say how things stand: a *muxpool.Multiplexed.
type snapshots interface{ Stats() muxpool.Stats }

// listener hears the events of one source for a group. When the source says that some
// were lost on the way, it asks how things stand instead. It is owned by the goroutine
// that delivers the events.
type listener struct {
	group  *Group
	source Source
	asked  time.Time // events up to then are in what the source said
}

// errMissed is the cause of what is known from a snapshot alone.
var errMissed = errors.New("breaker: the pool has given the node up; the event that says why was lost")

func (l *listener) hear(ev muxpool.Event) {
	if s, ok := l.source.(snapshots); ok && ev.Lost > 0 {
		l.asked = time.Now()
		l.group.catchUp(s.Stats())
	}
	if l.asked.IsZero() || ev.Time.After(l.asked) {
		l.group.hear(ev)
	}
}

// catchUp takes over from a snapshot what lost events would have told: the number of
// connections, if there is no other pool that has some, and what became of the nodes.
func (g *Group) catchUp(now muxpool.Stats) {
	alone := g.watched.Load() == 1
	if alone {
		g.allNodes(func(n *node) bool { n.disconnect(); return true })
	}
	for i := range now.Nodes {
		s := &now.Nodes[i]
		n := g.find(s.Node)
		if n == nil {
			continue
		}
		open, heard := 0, false
		for _, c := range s.Conns {
			if c.State == muxpool.ConnOpen {
				open++
				heard = heard || c.Frames > 0
			}
		}
		if alone {
			n.connect(s.Identity, open)
		}
		ev := muxpool.Event{Node: s.Node, Identity: s.Identity, Time: time.Now()}
		switch {
		case s.State == muxpool.NodeDown:
			ev.Kind, ev.Reason, ev.Err = muxpool.NodeExpelled, muxpool.ReasonReconnectLimit, errMissed
			g.hear(ev)
		case heard: // it is not only connected: it answers
			ev.Kind = muxpool.NodeReady
			g.hear(ev)
		}
	}
}

// disconnect forgets how many connections there are.
func (n *node) disconnect() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.links {
		l.proven, l.unproven = 0, 0
	}
}

// connect notes how many there are.
func (n *node) connect(id muxpool.Identity, open int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.links.of(id)
	if l.seen = true; l.suspect {
		l.unproven = open
	} else {
		l.proven = open
	}
}
