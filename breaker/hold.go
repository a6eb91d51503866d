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
func (g *Group) Hold(node muxpool.Node) (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.nodeLocked(node)
	n.hold()
	return sync.OnceFunc(n.release)
}

// keep is why a node is remembered. The node's mu guards it.
type keep struct {
	holds   int
	held    bool        // it was held at least once
	claimed bool        // it has a Middleware
	forced  error       // the cause that ForceOpen was given
	timer   *time.Timer // runs while nobody holds the node
}

func (k *keep) stop() {
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
}

// live reports whether the node is one that calls may be meant for. mu is held.
func (n *node) live() bool {
	return !n.ended && (n.keep.holds > 0 || n.keep.claimed && !n.keep.held)
}

func (n *node) hold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep.holds++
	n.keep.held = true
	n.keep.stop()
	n.recount()
}

func (n *node) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep.holds--
	n.recount()
	if n.keep.holds == 0 && !n.ended {
		n.used.Store(false)
		n.startForgetting()
	}
}

// claim says that the node has a Middleware.
func (n *node) claim() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep.claimed = true
	n.recount()
}

// startForgetting sets the timer that forgets the node. mu is held.
func (n *node) startForgetting() {
	n.keep.stop()
	n.keep.timer = time.AfterFunc(n.set.forgetTime(), n.tryForget)
}

// tryForget is the timer's function. What an operator has ordered is not
// forgotten.
func (n *node) tryForget() {
	n.group.mu.Lock()
	defer n.group.mu.Unlock()
	if !n.forgettable() {
		return
	}
	n.gone.Store(true)
	n.group.drop(n)
	n.end()
}

// forgettable sets the timer anew if the node was used since it was set.
func (n *node) forgettable() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended || n.keep.holds > 0 {
		return false
	}
	if n.used.Swap(false) || n.mode != Auto {
		n.startForgetting()
		return false
	}
	return true
}
