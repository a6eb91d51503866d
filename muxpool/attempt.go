package muxpool

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// dialOutcome is what one attempt to connect came to.
type dialOutcome struct {
	nc       net.Conn // may be there with an error, too: then it is to be closed
	session  any
	settings []byte
	err      error
}

// dial is the goroutine of one attempt. The attempt belongs to the node: it ends
// with the dial timeout or with the pool, not with any caller.
func (n *node) dial(s *slot) {
	began := time.Now()
	got := n.attempt(s)
	n.dialTook(time.Since(began))
	n.dialEnded(s, got)
}

// minDialGrace is for how long a function may go on that is about to heed its context.
const minDialGrace = 250 * time.Millisecond

var (
	// errDialGone: the user's function, or the plug-in's, did not return (runtime.Goexit).
	errDialGone = fmt.Errorf("%w: the dial did not return", ErrInvalidOption)
	// errDialDeaf: it did not return in time.
	errDialDeaf = errors.New("what connects goes on although its context has ended")
)

// attempt makes one attempt. A function of the user's, or of a plug-in's, that does not heed its
// context is left behind after twice the dial timeout, but minDialGrace behind it at least, and with it
// what it may return; until it does, s makes no other.
func (n *node) attempt(s *slot) dialOutcome {
	deaf := n.dialer.unreached(&dialTimeout{n.opts.dialTimeout, errDialDeaf})
	avoid, ok := n.attempts(s)
	if !ok {
		return dialOutcome{err: deaf}
	}
	result, left := make(chan dialOutcome), make(chan struct{})
	n.pool.running.run(func() {
		got := dialOutcome{err: errDialGone}
		defer func() { // also if it ends the goroutine
			select {
			case result <- got:
			case <-left:
				n.attempted(s)
				if got.nc != nil {
					shut(got.nc)
				}
			}
		}()
		got.nc, got.session, got.err = n.dialer.dial(n.pool.ctx, avoid)
		if got.err == nil {
			got.err = errDialGone // if the plug-in is
			got.settings, got.err = n.ownSettings()
		}
	})
	// Two waits: of a process that stood still meanwhile only the first is over.
	for _, d := range []time.Duration{n.opts.dialTimeout, max(n.opts.dialTimeout, minDialGrace)} {
		late := time.NewTimer(d)
		defer late.Stop()
		select {
		case got := <-result:
			return got
		case <-late.C:
		}
	}
	n.mu.Lock()
	s.deaf = true
	n.mu.Unlock()
	close(left)
	return dialOutcome{err: deaf}
}

// attempts reports whether s may make an attempt, and which address that is to try last: of the
// datagram socket which it is to replace.
func (n *node) attempts(s *slot) (avoid string, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.conn != nil && s.conn.datagram {
		avoid = s.conn.at
	}
	return avoid, !s.deaf
}

// attempted hears that the attempt that was left behind has returned.
func (n *node) attempted(s *slot) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s.deaf = false
}
