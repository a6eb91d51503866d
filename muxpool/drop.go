package muxpool

import "slices"

// Drop lets a node's connections go after their last calls, in all identities, and forgets
// the node.
func (p *Multiplexed) Drop(node Node) {
	for _, n := range p.dropNodes(node) {
		for _, c := range n.shut(errForgotten) {
			c.drain(ReasonDropped, nil)
		}
		n.dropped()
	}
}

// dropNodes hides the identities of a node from Gets.
func (p *Multiplexed) dropNodes(name Node) []*node {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return nil
	}
	nodes := slices.Clone(p.named[name])
	for _, n := range nodes {
		p.remove(n)
		p.leaving[n] = struct{}{}
	}
	return nodes
}

// dropped has the pool let go of a node that was dropped, once it has no connection.
func (n *node) dropped() {
	n.mu.Lock()
	over := n.closed == errForgotten && len(*n.open.Load())+len(n.draining)+len(n.ending) == 0
	n.mu.Unlock()
	if over {
		n.pool.keepFigures(n)
	}
}

// keepFigures keeps what a dropped node has counted.
func (p *Multiplexed) keepFigures(n *node) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.leaving[n]; ok {
		delete(p.leaving, n)
		n.mu.Lock()
		defer n.mu.Unlock()
		p.past.add(n.totals())
		n.added = true
	}
}

// remove takes n out of where Gets look for it; mu is held.
func (p *Multiplexed) remove(n *node) {
	delete(p.nodes, n.key)
	p.named.remove(n)
	p.recent.drop(n)
}

// nodesByName finds the identities of a node.
type nodesByName map[Node][]*node

func (b nodesByName) add(n *node) { b[n.name] = append(b[n.name], n) }

func (b nodesByName) remove(n *node) {
	rest := slices.DeleteFunc(b[n.name], func(other *node) bool { return other == n })
	if b[n.name] = rest; len(rest) == 0 {
		delete(b, n.name)
	}
}
