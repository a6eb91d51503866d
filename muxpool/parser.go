package muxpool

import (
	"context"
	"net"

	"io"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// FrameParser cuts the peer's bytes into frames. Parse reads exactly one from r, a
// FrameReader, and returns its id. The frame becomes its reader's: memory that is not used
// again.
//
// An error, or a panic, ends the connection: io.EOF between two frames,
// io.ErrUnexpectedEOF inside one. Of datagrams r holds one, which an error drops.
//
// Parse and the parts below, all optional, must be safe for concurrent use; it waits for r only.
// The parser is a part of the Identity: a value that can be compared, not a new pointer
// a call.
type FrameParser interface {
	Parse(r io.Reader) (vid uint32, frame []byte, err error)
}

// FrameReader is Parse's r: with Peek at a header, and pooled memory.
type FrameReader = wire.FrameReader

// IDSpacer is for a FrameParser with fewer than 2^32 ids.
type IDSpacer interface {
	IDSpace() IDSpace
}

// IDSpace is the ids of calls: Min to Max, included, less the Reserved ones. A connection
// begins anywhere among them.
type IDSpace struct {
	Min, Max uint32
	Reserved []IDRange // in any order
}

// Orderer is for a FrameParser whose frames bear no ids: answers come in the
// order of the requests, one to each Write. The pool gives the ids, within IDSpace; those of
// Parse do not count. Streams only, and no WithStream. A caller that leaves keeps its place;
// an answer to no request ends the connection, and so does one that is overdue (see
// WithStallTimeout). A FrameKeepAlive has a place; frames of other kinds, one-way ones and
// those of CloseWith have none. See docs/protocols.md.
type Orderer interface {
	// InOrder does nothing: that a parser has it is what counts.
	InOrder()
}

// IDRange is the ids from First to Last, included.
type IDRange struct{ First, Last uint32 }

// FrameKind is what a frame is.
type FrameKind uint8

const (
	// FrameLast is the answer to its id, or the last frame of it.
	FrameLast FrameKind = iota
	// FrameMore is a part of an answer, which goes on.
	FrameMore
	// FrameKeepAlive only proves that the peer lives.
	FrameKeepAlive
	// FrameGoingAway asks for no new calls on this connection.
	FrameGoingAway
	// FrameUnsolicited belongs to no call: counted, and dropped.
	FrameUnsolicited
	// FrameSettings tells what the peer takes; FrameUnsolicited without a Settler, and
	// on datagrams.
	FrameSettings
	// FrameRequest is the peer's own; FrameUnsolicited without an Answerer.
	FrameRequest
)

// FrameClassifier is for a FrameParser whose frames are not all answers. It
// must not keep frame. Without it each is FrameLast, and all for an id are delivered.
type FrameClassifier interface {
	ClassifyFrame(vid uint32, frame []byte) FrameKind
}

// KeepAliver is for a FrameParser that can ask for a sign of life.
type KeepAliver interface {
	// AppendKeepAlive appends that frame. Any FrameKeepAlive, or one with vid, answers it.
	AppendKeepAlive(dst []byte, vid uint32) []byte
}

// Answerer is for a FrameParser whose peers ask, too (see FrameRequest).
type Answerer interface {
	// AppendAnswer appends the answer, if any, which a full send queue drops. It must not
	// wait, nor keep frame.
	AppendAnswer(dst []byte, vid uint32, frame []byte) []byte
}

// Fareweller is for a FrameParser with a frame that says that this side
// leaves: the last of a stream that is unused, drained by Shutdown, or dropped.
type Fareweller interface {
	AppendFarewell(dst []byte) []byte
}

// Handshaker is for a FrameParser whose protocol greets. It runs on each
// new connection, after TLS, within the dial timeout, and must not read ahead.
type Handshaker interface {
	Handshake(ctx context.Context, nc net.Conn) error
}

// SessionHandshaker is a Handshaker whose greeting learns what requests need, as a token.
type SessionHandshaker interface {
	// HandshakeSession is Handshake; see Sessioned.
	HandshakeSession(ctx context.Context, nc net.Conn) (session any, err error)
}

// Settler is for a FrameParser that can tell the peer what this side
// takes, in front of the first frame of a stream.
type Settler interface {
	AppendSettings(dst []byte, s Settings) []byte
	// ReadSettings must not keep frame. An error ends the connection.
	ReadSettings(frame []byte) (Settings, error)
}

// Measurer is for a FrameParser whose frames begin with id and length: one
// over the limit, up to 16 times, fails its call only. Parse must find that out with Peek,
// as transport.ReadFrame does.
type Measurer interface {
	// Measure tells id and whole length, in bytes, of the frame that begins with header,
	// what Parse has looked at, if there is one. It must not keep header, which a
	// FrameClassifier gets next.
	Measure(header []byte) (vid uint32, total int64, ok bool)
}

// Separator is for a FrameParser with bytes between frames, which are skipped.
type Separator interface {
	Separates(b byte) bool
}

// NextProtocol is for a FrameParser with a name in TLS's ALPN (RFC 7301), unless the
// tls.Config has NextProtos.
type NextProtocol interface {
	NextProtocol() string
}

// Release gives back, whole, a frame of Read's, or memory of a FrameReader's Alloc: nothing
// else, and nobody may hold it any more. It is optional.
func Release(frame []byte) { wire.Free(frame) }
