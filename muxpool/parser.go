package muxpool

import (
	"context"
	"net"

	"io"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// FrameParser cuts the peer's bytes into frames and tells each frame's id.
//
// Parse reads exactly one frame from r and returns its id and its bytes. On a
// stream, an error from Parse ends the connection: io.EOF says that the stream
// ended between two frames, io.ErrUnexpectedEOF inside one. On a datagram
// socket r holds one datagram, and an error only drops that datagram.
//
// r is a FrameReader. It refuses with ErrFrameTooLarge to give more bytes for
// one frame than the pool's WithMaxFrameSize allows, whatever Parse does.
// The frame must not alias memory that Parse, or anybody, uses again: who reads it may
// Release it.
//
// One Parse runs at a time on a connection, many on different connections:
// Parse must be safe for concurrent use. It waits for r and nothing else: answers
// that it has returned may be delivered with those that came with them. A panic in
// Parse ends that connection only. The parser is part of a node's identity (see GetOptions), so its
// dynamic type must be comparable; use one value, not a new pointer per call.
type FrameParser interface {
	Parse(r io.Reader) (vid uint32, frame []byte, err error)
}

// FrameReader is what the pool hands to Parse as r. A parser that asserts for
// it can look at a header without a copy and take its frame from pooled memory.
type FrameReader = wire.FrameReader

// IDSpacer is an optional part of a FrameParser: the ids that the protocol has.
// Without it the pool uses all 32 bits, and no id is reserved.
type IDSpacer interface {
	IDSpace() IDSpace
}

// IDSpace is the set of ids that calls may have: Min to Max, both included, less the
// Reserved ones, which the protocol uses itself. A connection begins anywhere
// among them. Calls in flight on one
// connection never exceed it: further callers wait until their context ends.
type IDSpace struct {
	Min, Max uint32
	Reserved []IDRange // in any order; they may overlap, and reach beyond Min and Max
}

// IDRange is the ids from First to Last, both included.
type IDRange struct{ First, Last uint32 }

// FrameKind tells the pool what a frame is, beyond its id.
type FrameKind uint8

const (
	// FrameLast is the answer to its id, or the last of several. The zero value.
	FrameLast FrameKind = iota
	// FrameMore is an answer that others follow.
	FrameMore
	// FrameKeepAlive belongs to no call: it only proves that the peer lives.
	FrameKeepAlive
	// FrameGoingAway asks for no new calls on this connection; those in flight
	// are still answered.
	FrameGoingAway
	// FrameUnsolicited belongs to no call: counted, and dropped.
	FrameUnsolicited
	// FrameSettings belongs to no call: it tells what the peer can take (see
	// Settler). It is taken for FrameUnsolicited on datagrams, and without a Settler.
	FrameSettings
	// FrameRequest is a request of the peer's own, such as a watchdog's (see Answerer).
	// Without an Answerer it is taken for FrameUnsolicited.
	FrameRequest
)

// FrameClassifier is an optional part of a FrameParser whose frames are not all
// plain answers. ClassifyFrame must not keep or change frame.
//
// Without it every frame is taken for FrameLast, and a MuxConn that reads more
// frames than it wrote is a stream whose id its user manages.
type FrameClassifier interface {
	ClassifyFrame(vid uint32, frame []byte) FrameKind
}

// KeepAliver is an optional part of a FrameParser whose protocol has a frame
// that asks the peer for a sign of life.
type KeepAliver interface {
	// AppendKeepAlive appends that frame to dst. The pool holds vid for it until
	// it is answered by a frame with that id or by any FrameKeepAlive.
	AppendKeepAlive(dst []byte, vid uint32) []byte
}

// Answerer is an optional part of a FrameParser whose peers ask for something, too: its
// FrameClassifier tells their requests, as FrameRequest.
type Answerer interface {
	// AppendAnswer appends the answer to a FrameRequest to dst; nothing: there is none. It
	// must not wait, nor keep frame: it is called while nothing is read. The answer is
	// dropped if the send queue is full. A panic ends the connection only.
	AppendAnswer(dst []byte, vid uint32, frame []byte) []byte
}

// Fareweller is an optional part of a FrameParser whose protocol has a frame that says
// that this side leaves. It goes out last when a connection is closed in good order:
// unused, at Shutdown, at Drop; not at Close, nor on datagrams.
type Fareweller interface {
	AppendFarewell(dst []byte) []byte
}

// Handshaker is an optional part of a FrameParser whose protocol greets before
// the first call. Handshake runs once on every new connection, after TLS, within
// the dial timeout: nc has that deadline set, and is closed when ctx ends.
type Handshaker interface {
	Handshake(ctx context.Context, nc net.Conn) error
}

// Settler is an optional part of a FrameParser whose protocol has a frame that tells
// the peer what this side can take. Its FrameClassifier tells the peer's from other
// frames, as FrameSettings. Nothing waits for such a frame: it goes out in front of
// the first frame of a connection, in the same write, and never on datagrams.
//
// Both methods must be safe for concurrent use. A panic ends the connection only.
type Settler interface {
	// AppendSettings appends the frame that tells s. It must not keep dst.
	AppendSettings(dst []byte, s Settings) []byte
	// ReadSettings reads a frame that is FrameSettings. An error ends the connection:
	// say what is wrong with which setting. It must not keep frame.
	ReadSettings(frame []byte) (Settings, error)
}

// Measurer is an optional part of a FrameParser whose frames tell their id and length
// at their beginning. With it a frame over the limit fails its own call only: it is
// passed over, up to 16 times the limit, and the connection stays in use. Without it
// such a frame ends the connection.
//
// It goes with a Parse that consumes nothing of a frame that it finds too large: that
// looks at the header with Peek, as transport.ReadFrame does.
type Measurer interface {
	// Measure returns the id of the frame that begins with header, and its length in
	// bytes, header included. header has what Parse has looked at, or more; ok is
	// false if it is the beginning of no frame. A FrameClassifier then says by header
	// what the frame is. Measure must not keep header.
	Measure(header []byte) (vid uint32, total int64, ok bool)
}

// Separator is an optional part of a FrameParser whose frames may have bytes
// between them that belong to none, such as line breaks. The pool skips them, so
// that a connection that ends behind one has not ended inside a frame.
type Separator interface {
	Separates(b byte) bool
}

// NextProtocol is an optional part of a FrameParser that has a name for TLS's ALPN
// (RFC 7301), as HTTP/2's is "h2". It is offered to servers, unless the tls.Config has
// NextProtos of its own; one that speaks only others refuses the handshake, and one that
// knows nothing of ALPN goes on.
type NextProtocol interface {
	NextProtocol() string
}

// Release gives the memory of a frame back for reuse. It is for what a MuxConn's Read
// has returned, whole, and for what came from a FrameReader's Alloc; nobody may hold
// another reference to that memory. Where it comes from is not checked, which would cost
// each frame a lock: memory whose capacity is no size that Alloc hands out is left alone,
// any other is taken. It is optional: a frame that is not released is collected as any
// other memory. After Release the frame, and every slice of it, must not be touched.
func Release(frame []byte) { wire.Free(frame) }
