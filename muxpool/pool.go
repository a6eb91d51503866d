package muxpool

import (
	"context"
	"net"

	"github.com/muxkit/muxkit/internal/text"
)

// Pool is what a transport needs of a pool.
type Pool interface {
	// GetMuxConn opens a virtual connection; network is "tcp", "tcp4", "tcp6", "unix",
	// "udp", "udp4" or "udp6". It waits for a place on a connection. The MuxConn ends with
	// ctx (a cancel on a busy connection may be noticed 10 ms late, unless ctx is one of
	// package deadline), and must be closed. Every error is an *Error, not Sent.
	GetMuxConn(ctx context.Context, network, address string, opts GetOptions) (MuxConn, error)
}

// MuxConn is a virtual connection: one id on a shared connection. Its methods may run at
// once, but for Read: one at a time. Multiplexed's have all optional parts below. Streams:
// see docs/protocols.md.
type MuxConn interface {
	// Write queues one whole frame, with the id that VID tells; b may be reused when it
	// returns. It waits for space (see WithDropFull). Nil says that the frame was queued
	// (see WithOneWay).
	Write(b []byte) error

	// Read returns the next frame for the id. It belongs to the caller.
	Read() ([]byte, error)

	VID() uint32
	LocalAddr() net.Addr
	RemoteAddr() net.Addr

	// Close ends Read and Write with ErrMuxConnClosed. What Write has queued is still
	// sent. It never waits, and may be called again.
	Close()
}

// OwnedWriter is optional.
type OwnedWriter interface {
	// WriteOwned is Write for memory of a FrameReader's, or wire's, Alloc, which it takes
	// over whatever it returns: a large frame is not copied.
	WriteOwned(frame []byte) error
}

// LastWriter is optional.
type LastWriter interface {
	// CloseWith is Close after a last frame, such as a cancel, also when the context has
	// ended. It never waits: a full send queue, or a MuxConn that wrote nothing, drops it.
	CloseWith(frame []byte)
}

// LastRequester is optional.
type LastRequester interface {
	// CloseWithRequest is CloseWith for a request: frame is given an id, which is reserved
	// for the answer. Without a free one nothing is sent.
	CloseWithRequest(frame func(id uint32) []byte)
}

// Gatherer is optional.
type Gatherer interface {
	// Gather lets WithMaxAnswerSize wait unread, for who keeps the whole answer anyway.
	Gather()
}

// GoingAwayer is optional.
type GoingAwayer interface {
	// GoingAway says that what was read asks for no new calls on the connection.
	GoingAway()
}

// Sessioned is optional: what the connection's HandshakeSession returned.
type Sessioned interface {
	Session() any
}

// Limiter is optional: WithMaxFrameSize and WithMaxAnswerSize.
type Limiter interface {
	MaxFrameSize() int
	MaxAnswerSize() int
}

var _ interface {
	MuxConn
	OwnedWriter
	LastWriter
	LastRequester
	Gatherer
	GoingAwayer
	Sessioned
	Limiter
} = (*muxConn)(nil)

// Node is a peer, as services name it. It is comparable.
type Node struct {
	Network string // "tcp", "unix", "udp", ...
	Address string // as net.Dial takes it
}

// String returns "network://address", quoted if unprintable.
func (n Node) String() string {
	s := n.Network + "://" + n.Address
	return text.Shown(s, len(s))
}
