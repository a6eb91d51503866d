package endpoint

import "time"

// tells reports whether who waits for a node hears of each change: of the nodes that there
// are, and of what their breakers say.
func (b *Balancer) tells() bool {
	if b == nil {
		return false
	}
	switch b.source.(type) {
	case *method, FixedEndpointer:
		return true
	}
	return false
}

// changed returns channels that close at the next change of the nodes, and of their breakers.
// nil never does.
func (b *Balancer) changed() (nodes, breakers <-chan struct{}) {
	if m, ok := b.source.(*method); ok {
		nodes = m.changed.next()
	}
	if b.cfg.scope != nil {
		breakers = b.cfg.scope.Changed()
	}
	return nodes, breakers
}

// ask has discovery look again, if it can. It never waits, and may be called often.
func (b *Balancer) ask() {
	if m, ok := b.source.(*method); ok {
		m.askAgain()
	}
}

// asks is after how much time it makes sense to ask once more; 0: never.
func (b *Balancer) asks() time.Duration {
	m, ok := b.source.(*method)
	if !ok || m.set.asking.refresher == nil {
		return 0
	}
	if d := m.set.cfg.refreshInterval; d > 0 {
		return d + d/4
	}
	return defaultRefreshInterval + defaultRefreshInterval/4
}
