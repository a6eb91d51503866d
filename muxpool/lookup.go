package muxpool

import "sync/atomic"

// node returns the node for the options, a new one if need be.
func (p *Multiplexed) node(name Node, opts *GetOptions) (*node, error) {
	key, err := opts.key(name)
	if err != nil {
		return nil, err
	}
	if n := p.recent.get(&key); n != nil {
		return n, nil
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
	delete(p.nodes, n.key)
	p.recent.drop(n)
	p.retired.add(n.counters.snapshot())
}

// recentNodes spares most Gets the pool's lock and the hash of a whole identity: a
// node has one place in it, and shares it with others. Entries are put in and
// dropped under the pool's lock, so that a forgotten node is not put back.
type recentNodes [64]atomic.Pointer[node]

// place chooses by the end of the address, where addresses differ most.
func (r *recentNodes) place(key *nodeKey) *atomic.Pointer[node] {
	a := key.node.Address
	h := uint(len(a))
	for i := max(0, len(a)-4); i < len(a); i++ {
		h = h*31 + uint(a[i])
	}
	return &r[h%uint(len(r))]
}

func (r *recentNodes) get(key *nodeKey) *node {
	if n := r.place(key).Load(); n != nil && n.key == *key {
		return n
	}
	return nil
}

func (r *recentNodes) put(n *node) { r.place(&n.key).Store(n) }

func (r *recentNodes) drop(n *node) { r.place(&n.key).CompareAndSwap(n, nil) }
