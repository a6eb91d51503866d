package muxpool

// standing is what is known of a node's peer: the one answer to whether it is proven,
// so that a connect is good news, and whether it is worth redialing.
type standing uint8

const (
	// peerUnknown: there was no connection yet, or the node was given up because the
	// peer could not be reached. That a connect succeeds is news; that one fails is
	// no surprise, and nothing to be patient about.
	peerUnknown standing = iota
	// peerMet: there was a connection, and the peer has sent nothing to the point yet.
	// A connect has made the node ready.
	peerMet
	// peerProven: it has answered (see conn.prove). If connections are lost, it was
	// there a moment ago: they are redialed with patience, and a connect makes the
	// node ready again.
	peerProven
	// peerDoubted: its last connection ended without an answer to those who waited, or
	// in silence. It is redialed with patience, but a connect proves nothing any more:
	// only an answer makes the node ready.
	peerDoubted
	// peerWrittenOff: the node was given up while its peer was in doubt. There is no
	// patience either, until somebody's connect brings it back to being doubted.
	peerWrittenOff
)

var standings = [...]string{"unknown", "met", "proven", "doubted", "written off"}

func (p standing) String() string { return name(standings[:], int(p)) }

// patient reports whether a connection that cannot be made at once is worth more
// attempts than one.
func (p standing) patient() bool { return p == peerMet || p == peerProven || p == peerDoubted }

// credible reports whether a connect makes the node ready.
func (p standing) credible() bool { return p != peerDoubted && p != peerWrittenOff }

// connected is the standing after a connect, the first or one more.
func (p standing) connected() standing {
	switch p {
	case peerUnknown:
		return peerMet
	case peerWrittenOff:
		return peerDoubted
	}
	return p
}

// expelled is the standing after the node was given up.
func (p standing) expelled() standing {
	if p.credible() {
		return peerUnknown
	}
	return peerWrittenOff
}
