package endpoint

import "time"

// changing is an Endpointer that tells when it may yield something else than before: by closing
// the channel. nil: it never does.
type changing interface {
	changes() <-chan struct{}
}

func (m *method) changes() <-chan struct{}       { return m.changed.next() }
func (d *Directory) changes() <-chan struct{}    { return d.changed.next() }
func (FixedEndpointer) changes() <-chan struct{} { return nil }

// tells reports whether who waits for a node hears of each change: of the nodes that there
// are, and of what their breakers say.
func (b *Balancer) tells() bool {
	if b == nil {
		return false
	}
	_, tells := b.source.(changing)
	return tells
}

// changed returns channels that close at the next change of the nodes, and of their breakers.
// nil never does.
func (b *Balancer) changed() (nodes, breakers <-chan struct{}) {
	if c, ok := b.source.(changing); ok {
		nodes = c.changes()
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
	return m.set.asking.after()
}
