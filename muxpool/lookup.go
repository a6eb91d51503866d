package muxpool

import (
	"hash/maphash"
	"sync/atomic"
)

// node returns the node for the options, a new one if need be.
func (p *Multiplexed) node(name Node, opts *GetOptions) (*node, error) {
	if n := p.recent.get(&name); n != nil && n.key.fits(&name, opts) {
		return n, nil
	}
	key, err := opts.key(name)
	if err != nil {
		return nil, err
	}
	p.mu.RLock()
	n, closed := p.nodes[key], p.closed
	if n != nil {
		p.recent.put(n)
	}
	p.mu.RUnlock()
	if closed != nil {
		return nil, closed
	}
	if n != nil {
		return n, nil
	}
	if err := key.checkDial(name.Network); err != nil {
		return nil, err
	}
	if n, err = newNode(p, key); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return nil, p.closed
	}
	if other := p.nodes[key]; other != nil {
		return other, nil // somebody else was faster
	}
	p.nodes[key] = n
	p.named.add(n)
	n.forgetLater() // a Get that is refused does not dial; nobody else knows n yet
	return n, nil
}

// forget drops n if it is still unused.
func (p *Multiplexed) forget(n *node) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.nodes[n.key] != n || n.closed != nil {
		return
	}
	if !n.unused() {
		n.forgetLater()
		return
	}
	n.closed = errForgotten
	p.remove(n)
	p.past.add(n.totals())
}

// recentNodes spares most Gets the pool's lock, the check of their options, and the
// hash of a whole identity: a node has one place in it, which it may share with
// others. Entries are put in and dropped under the pool's lock, so that a forgotten
// node is not put back.
type recentNodes struct {
	seed   maphash.Seed
	places [256]atomic.Pointer[node]
}

// place chooses by the address, which is where nodes differ most.
func (r *recentNodes) place(name *Node) *atomic.Pointer[node] {
	return &r.places[maphash.String(r.seed, name.Address)%uint64(len(r.places))]
}

// get returns the node that was used last of those that share a place, or nil.
func (r *recentNodes) get(name *Node) *node { return r.place(name).Load() }

func (r *recentNodes) put(n *node) { r.place(&n.name).Store(n) }

func (r *recentNodes) drop(n *node) { r.place(&n.name).CompareAndSwap(n, nil) }
