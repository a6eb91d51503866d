package muxpool

import (
	"context"
	"net"
)

// Pool is what a transport needs of a connection pool. *Multiplexed
// implements it; tests may fake it.
type Pool interface {
	// GetMuxConn opens a virtual connection to address on the named network:
	// "tcp", "tcp4", "tcp6", "unix", "udp", "udp4" or "udp6".
	//
	// It waits, until ctx ends at the latest, for a connection to be dialed and
	// for a slot under the virtual-connection limit. The MuxConn keeps ctx: when
	// ctx ends, so do its Read and Write. (On a connection with 16 calls or more, a
	// Read may notice up to 10 ms late that a context was cancelled before its
	// deadline; the cancel of one of package deadline, which no other call shares, is
	// noticed at once, and deadlines are kept.) The contexts of package deadline cost a
	// call the least. The caller must Close the MuxConn.
	//
	// Every error is an *Error: it names the node, keeps its cause, and its Sent
	// method reports false.
	GetMuxConn(ctx context.Context, network, address string, opts GetOptions) (MuxConn, error)
}

// MuxConn is a virtual connection: one id on a shared connection.
//
// Write, Read and Close may be called concurrently with each other; several
// Writes may run at once, but only one Read at a time.
//
// Those of Multiplexed are an OwnedWriter, a LastWriter and a Limiter as well.
type MuxConn interface {
	// Write queues one whole frame, which must carry the id that VID tells. b may
	// be reused when Write returns. Write waits while the connection's send queue
	// is full, unless the pool was made with WithDropFull.
	//
	// A nil error means that the frame was queued, not that the peer got it. For
	// a one-way MuxConn (GetOptions.WithOneWay) it means that the frame was handed
	// to the kernel.
	Write(b []byte) error

	// Read returns the next frame for this id, in order of arrival. The frame
	// belongs to the caller.
	Read() ([]byte, error)

	// VID returns the id that the frames of this virtual connection carry.
	VID() uint32

	// LocalAddr returns the local address of the connection underneath.
	LocalAddr() net.Addr

	// RemoteAddr returns the peer's address.
	RemoteAddr() net.Addr

	// Close gives up the id and unblocks Read and Write, which then return
	// ErrMuxConnClosed. A frame that Write has queued is still sent. Close is
	// idempotent and never waits.
	Close()
}

// OwnedWriter is an optional part of a MuxConn.
type OwnedWriter interface {
	// WriteOwned is Write for memory that a FrameReader's Alloc, or wire.Alloc, has
	// returned: a large frame is sent without a copy. Whatever it returns, the caller
	// must not touch frame any more.
	WriteOwned(frame []byte) error
}

// LastWriter is an optional part of a MuxConn.
type LastWriter interface {
	// CloseWith is Close after a last frame, such as one that tells the peer that nobody
	// waits for the answer. It works when the context has ended, too. It never waits: the
	// frame is dropped if the send queue is full, or if nothing was written before.
	CloseWith(frame []byte)
}

// Limiter is an optional part of a MuxConn: it tells WithMaxFrameSize and
// WithMaxAnswerSize to who unpacks or gathers frames.
type Limiter interface {
	MaxFrameSize() int
	MaxAnswerSize() int
}

var _ interface {
	MuxConn
	OwnedWriter
	LastWriter
	Limiter
} = (*muxConn)(nil)

// Node is the peer of a pool's connections as a service sees it: what the
// transport, the breakers and the endpoints use as their key. It is comparable.
type Node struct {
	Network string // "tcp", "unix", "udp", ...
	Address string // as net.Dial takes it
}

// String returns the node as "network://address".
func (n Node) String() string { return n.Network + "://" + n.Address }
