package muxpool

import "fmt"

// Settings are what one side takes, as it tells the other (see Settler). Zero: not said.
type Settings struct {
	MaxFrameSize     int // in bytes, with the header
	MaxCalls         int // in flight
	MaxMetadataPairs int // of one message
	MaxMetadataBytes int // names and values
	Features         Features

	// of the protocol that this side speaks; of AppendSettings, zero: as that knows
	MinVersion, MaxVersion uint8
}

// Features are parts of a protocol that are used only towards who names them.
type Features uint64

// FeatureMore: who names it takes messages whose body comes in several frames.
const FeatureMore Features = 1 << 0

// Has reports whether all of other are among f.
func (f Features) Has(other Features) bool { return f&other == other }

// ownSettings is the frame that tells what the pool can take; nil if the node's
// protocol has none, and on datagrams. A panic of the plug-in's is an error.
func (n *node) ownSettings() (frame []byte, err error) {
	s, ok := n.key.parser.(Settler)
	if !ok || isDatagram(n.key.node.Network) {
		return nil, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = &errHandshake{because(ErrProtocol, panicked("AppendSettings", p))}
		}
	}()
	return s.AppendSettings(nil, Settings{MaxFrameSize: n.opts.maxFrameSize}), nil
}

// settled takes note of the peer's settings; later ones replace them. It is called by
// the read loop. An error ends the conn.
func (c *conn) settled(frame []byte) error {
	s, ok := c.node.key.parser.(Settler)
	if !ok || c.datagram {
		c.node.counters.unsolicited.Add(1)
		return nil
	}
	peer, err := s.ReadSettings(frame)
	if err != nil {
		return fmt.Errorf("the peer's settings: %w", err)
	}
	if old := c.peer.Load(); old == nil || *old != peer {
		c.peer.Store(&peer)
		c.node.roomTold()
	}
	return nil
}

// roomTold hears that a peer has said how many calls it takes, or something else first: those
// who wait for room may have it, or need more conns.
func (n *node) roomTold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.serve()
	n.growAll()
}

// firstCalls is how many calls are in flight at most on a conn whose peer may tell how
// many it takes and has said nothing yet: as HTTP/2's clients do, so that a burst on a
// new conn is not refused by the peer.
const firstCalls = 100

// count counts n frames that have come. If the first does not say how many calls the peer takes,
// there is room for all who wait.
func (c *conn) count(n int) {
	if c.frames.Add(uint64(n)) == uint64(n) && n > 0 && c.settles && c.peer.Load() == nil {
		c.node.roomTold()
	}
}

// peerCalls is how many calls in flight the peer takes; 0: it sets no bound.
func (c *conn) peerCalls() int {
	silent := c.frames.Load() == 0 // looked at first: settings are counted when they are known
	switch p := c.peer.Load(); {
	case p != nil:
		return p.MaxCalls
	case c.settles && silent:
		return firstCalls
	}
	return 0
}

// perConn is how many calls each of the conns takes, by the option and by what the peer
// has told; 0: any number. mu is held.
func (n *node) perConn() int {
	per := n.opts.maxVirConns
	for _, c := range *n.open.Load() {
		if p := c.peer.Load(); p != nil && p.MaxCalls > 0 && (per == 0 || p.MaxCalls < per) {
			per = p.MaxCalls
		}
	}
	return per
}

// fits refuses a frame of n bytes that is over a limit, this side's or the one that
// the peer has told.
func (c *conn) fits(n int) error {
	limit := c.node.opts.maxFrameSize
	if c.datagram {
		limit = min(limit, maxDatagram)
	}
	if n > limit {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed (WithMaxFrameSize)", ErrFrameTooLarge, n, limit)
	}
	if p := c.peer.Load(); p != nil && p.MaxFrameSize > 0 && n > p.MaxFrameSize {
		return fmt.Errorf("%w: %d bytes, the peer takes at most %d", ErrFrameTooLarge, n, p.MaxFrameSize)
	}
	return nil
}
