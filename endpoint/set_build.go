package endpoint

import (
	"errors"
	"io"
	"math/rand/v2"
	"time"
)

// building is the making of the endpoint of a method on a node, by functions of the user's.
// It begins once, and ends with success or when the node is dropped; in between it fails,
// waits and is tried again.
type building struct {
	set    *Set
	m      *method
	on     *member
	change *change // which waits for the first build

	// Guarded by the Set's mutex.
	busy  bool        // it is on the lane, or being tried
	tries int         // that failed
	err   error       // the last failure
	told  string      // its text, which was logged
	timer *time.Timer // runs after a failure
}

// buildAgain is how long to wait before a node is tried again; drawn from its upper half.
var buildAgain = backoff{initial: 100 * time.Millisecond, limit: 30 * time.Second}

// build has m's endpoints made on nodes, for c; mu is held.
func (s *Set) build(m *method, nodes []*member, c *change) {
	for _, n := range nodes {
		b := &building{set: s, m: m, on: n, change: c, busy: true}
		s.lane.next(b.run, &m.slow)
	}
}

func (b *building) run() {
	if b.m.slow.Load() { // nobody waits for it again
		go b.build()
		return
	}
	b.build()
}

// build calls the user's functions.
func (b *building) build() {
	var e *NodeEndpoint
	var closer io.Closer
	err := errEnded
	defer func() { b.set.built(b, e, closer, err) }()
	b.set.mu.Lock()
	b.m.builds++
	over := b.on.gone
	b.set.mu.Unlock()
	if over {
		return
	}
	e, closer, err = b.m.cfg.build(b.m.name, b.on, b.m.build)
}

// errEnded: a function of the user's ended its goroutine.
var errEnded = errors.New("the function did not return")

// built hears how a build ended.
func (s *Set) built(b *building, e *NodeEndpoint, closer io.Closer, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.busy = false
	if b.m.builds--; b.m.builds == 0 {
		b.m.slow.Store(false)
	}
	if err != nil && closer != nil { // what comes of the next build has one of its own
		s.close(b.on, closer)
	} else {
		s.toClose(b.on, closer)
	}
	switch {
	case b.on.gone:
		delete(s.failing, b)
	case err != nil:
		s.notBuilt(b, err)
	default:
		s.succeeded(b, e)
	}
	if c := b.change; c != nil {
		b.change = nil
		if c.making--; c.making == 0 && c.waiting {
			s.endChange(c)
		}
	}
}

func (s *Set) succeeded(b *building, e *NodeEndpoint) {
	delete(s.failing, b)
	if b.m.cfg.scope != s.cfg.scope { // the method's own
		s.toClose(b.on, release(b.m.cfg.hold(b.on.node)))
	}
	if b.tries > 0 {
		s.log("msg", "a node is taken into use after all", "method", shown(b.m.name, maxText), "node", shown(b.on.text, maxText))
	}
	b.m.ready = append(b.m.ready, e)
	if b.tries > 0 || b.change.waiting { // else the change shows it
		s.publish(b.m, nil)
	}
}

// notBuilt has b tried again later; mu is held.
func (s *Set) notBuilt(b *building, err error) {
	b.tries++
	b.err, b.m.failed = err, b
	if text := err.Error(); text != b.told {
		b.told = text
		s.log("msg", "a node is left out", "method", shown(b.m.name, maxText), "err", shown(text, maxText))
	}
	s.failing[b] = struct{}{}
	s.reviewSoon()
	bound := buildAgain.bound(b.tries)
	b.timer = time.AfterFunc(bound/2+rand.N(bound/2), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.again(b)
	})
	if len(b.m.view.Load().nodes) == 0 {
		s.publish(b.m, nil) // which tells the error
	}
}

// whyNotBuilt is why one of m's endpoints could not be made and is tried again, the last that failed
// if it is still; nil if there is none. mu is held.
func (s *Set) whyNotBuilt(m *method) error {
	if _, still := s.failing[m.failed]; !still {
		m.failed = nil
		for b := range s.failing {
			if b.m == m {
				m.failed = b
				break
			}
		}
	}
	if m.failed == nil {
		return nil
	}
	return m.failed.err
}

// again has b tried now, unless it is, or is over; mu is held.
func (s *Set) again(b *building) {
	if b.busy || b.on.gone {
		return
	}
	b.busy = true
	b.timer.Stop()
	s.lane.next(b.run, &b.m.slow)
}

// askFailing tries again what has failed: discovery has named nodes anew. mu is held.
func (s *Set) askFailing() {
	for b := range s.failing {
		s.again(b)
	}
}

// forgetFailing ends the tries for members that are gone; mu is held.
func (s *Set) forgetFailing() {
	for b := range s.failing {
		if b.on.gone {
			b.timer.Stop()
			delete(s.failing, b)
		}
	}
}

// toClose has c closed with the member, now if that is over; mu is held.
func (s *Set) toClose(m *member, c io.Closer) {
	switch {
	case c == nil:
	case m.drained:
		s.close(m, c)
	default:
		m.closers = append(m.closers, c)
	}
}

// close closes what belongs to a member, on the lane.
func (s *Set) close(m *member, c io.Closer) {
	s.lane.next(func() {
		s.guard("closing a client", func() {
			if err := c.Close(); err != nil {
				s.log("msg", "closing a client", "node", shown(m.text, maxText), "err", said(err, maxText))
			}
		})
	}, nil)
}
