package muxpool

import "slices"

// A node has one connection more, the bulk one, once there are calls that are to move much
// (WithBulk): small ones do not queue behind their bytes, in a writer, in the kernel or on
// the way, and a link that is fair to connections gives them their share.
//
// It lives in a slot like any other, which change changes, and counts like any other for what
// the node is: while it lives, the node is up. What is different stands here and in spare:
// it is dialed only if asked for, and while another is up; and the calls of others go there
// only if no other is up.

// hasBulk reports whether key's node may have a bulk connection. Where a handshake gives each
// connection a state, the protocol decides how many there are, by what the user says.
func hasBulk(key nodeKey) bool {
	_, state := key.parser.(SessionHandshaker)
	return !state && !isDatagram(key.node.Network)
}

// wantBulk asks for the bulk connection, beside others that carry the calls.
func (n *node) wantBulk() {
	if !n.hasBulk || n.bulk.Load() != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed != nil || n.state != NodeUp {
		return
	}
	if s := n.bulkSlot(); s.state == slotEmpty {
		n.want(s, false)
	}
}

// bulkSlot is the slot of the bulk connection, which stays, once it was asked for: it knows
// how often the peer has refused that. mu is held.
func (n *node) bulkSlot() *slot {
	for _, s := range n.slots {
		if s.bulk {
			return s
		}
	}
	s := &slot{bulk: true}
	n.slots = append(n.slots, s)
	return s
}

// spare reports whether nobody misses the connection of s: the node has more than
// WithConnectNumber asks for, or s is the bulk one's and there is any other, or was
// dropped meanwhile. mu is held.
func (n *node) spare(s *slot) bool {
	alive := 0
	for _, o := range n.slots {
		if !o.bulk && (o.state.up() || o.state.trying()) {
			alive++
		}
	}
	return alive > n.opts.connectNumber || s.bulk && alive > 0 || !slices.Contains(n.slots, s)
}

// ordinary is how many slots there are but for the bulk connection's. mu is held.
func (n *node) ordinary() (count int) {
	for _, s := range n.slots {
		if !s.bulk {
			count++
		}
	}
	return count
}
