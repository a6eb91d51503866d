package breaker

import (
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Hold says that a node is in use, as one that service discovery names is. A
// held node is live (see WithMaxEjection) and is not forgotten. release ends
// that, once; the node is then no longer live, and its breaker is forgotten when
// WithForget has passed without a call or an event: discovery that flaps erases
// no memory.
func (g *Group) Hold(node muxpool.Node) (release func()) { return g.scope("").hold(node) }

func (s *Scope) hold(id muxpool.Node) (release func()) {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	st := s.seat(id)
	st.hold()
	return sync.OnceFunc(st.release)
}

func (s *seat) hold() {
	n := s.node
	n.mu.Lock()
	defer n.mu.Unlock()
	again := s.letGo()
	s.holds++
	s.held = true
	n.stopForgetting()
	if len(s.members) == 0 {
		s.memberOf(muxpool.Identity{}, false)
	}
	if again {
		s.returned(time.Now())
	}
	s.recount()
}

// letGo reports whether the service had the node, and has it no more. mu is held.
func (s *seat) letGo() bool { return s.held && s.holds == 0 }

// returned has what speaks against a node that the service let go weigh no more than a
// first ejection: it may be another process at the same address. A Prober tries it at once.
// mu is held.
func (s *seat) returned(now time.Time) {
	for _, m := range s.members {
		m.circuits(func(c *circuit) {
			if c.state != Open {
				return
			}
			for by := range c.latches {
				if l := &c.latches[by]; source(by) != byHand && l.on {
					l.until = minTime(l.until, now.Add(withJitter(s.set.firstTime, s.set.jitter)))
				}
			}
			c.active.hasten()
			c.publish(now, ReasonNone, nil)
		})
	}
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (s *seat) release() {
	n := s.node
	n.mu.Lock()
	defer n.mu.Unlock()
	s.holds--
	if s.letGo() { // nobody probes it any more
		for _, m := range s.members {
			if m.circuit.state == Open {
				m.circuit.publish(time.Now(), ReasonNone, nil)
			}
		}
	}
	s.recount()
	if n.holds() == 0 && !n.ended {
		n.used.Store(false)
		n.startForgetting()
	}
}

func (s *seat) recount() {
	for _, m := range s.members {
		m.recount()
	}
}

// holds returns by how many the node is held. mu is held.
func (n *node) holds() (sum int) {
	for _, s := range n.seats {
		sum += s.holds
	}
	return sum
}

// startForgetting sets the timer that forgets the node, unless somebody holds it.
// mu is held.
func (n *node) startForgetting() {
	n.stopForgetting()
	if n.holds() == 0 {
		n.forget = time.AfterFunc(n.seats[0].set.forgetTime(), n.tryForget)
	}
}

func (n *node) stopForgetting() {
	if n.forget != nil {
		n.forget.Stop()
		n.forget = nil
	}
}

// tryForget is the timer's function. What an operator has ordered is not
// forgotten.
func (n *node) tryForget() {
	n.group.mu.Lock()
	defer n.group.mu.Unlock()
	if !n.forgotten() {
		return
	}
	n.group.drop(n)
	n.end()
}

// forgotten has the node gone, or sets the timer anew if it was used since that was set. From now on whoever comes with
// an order or an event finds it gone, and so another one.
func (n *node) forgotten() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended || n.holds() > 0 {
		return false
	}
	if n.used.Swap(false) || n.mode != Auto {
		n.startForgetting()
		return false
	}
	n.gone.Store(true)
	n.ended = true
	return true
}
