package muxpool

import (
	"context"
	"net"

	"io"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// FrameParser cuts the peer's bytes into frames. Parse reads exactly one frame from r, a
// FrameReader, and returns its id. The frame becomes its reader's, and must not be memory
// that is used again.
//
// An error, or a panic, ends the connection: io.EOF between two frames,
// io.ErrUnexpectedEOF inside one. Of datagrams r holds one, which an error drops.
//
// Parse must be safe for concurrent use, and wait for nothing but r. The parser is a part
// of the Identity: use a value that can be compared, not a new pointer a call.
type FrameParser interface {
	Parse(r io.Reader) (vid uint32, frame []byte, err error)
}

// FrameReader is what Parse gets as r: with Peek at a header, and pooled memory.
type FrameReader = wire.FrameReader

// IDSpacer is an optional part of a FrameParser. Without it there are 2^32 ids.
type IDSpacer interface {
	IDSpace() IDSpace
}

// IDSpace is the ids of calls: Min to Max, both included, less the Reserved ones. A
// connection begins anywhere among them, and has no more calls in flight than ids.
type IDSpace struct {
	Min, Max uint32
	Reserved []IDRange // in any order
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
	// FrameRequest is the peer's own, such as a watchdog's; FrameUnsolicited without an
	// Answerer.
	FrameRequest
)

// FrameClassifier is an optional part of a FrameParser whose frames are not all answers. It
// must not keep frame. Without it each is FrameLast, and all for an id are delivered.
type FrameClassifier interface {
	ClassifyFrame(vid uint32, frame []byte) FrameKind
}

// KeepAliver is an optional part of a FrameParser that can ask for a sign of life.
type KeepAliver interface {
	// AppendKeepAlive appends that frame. Any FrameKeepAlive, or one with vid, answers it.
	AppendKeepAlive(dst []byte, vid uint32) []byte
}

// Answerer is an optional part of a FrameParser whose peers ask, too (see FrameRequest).
type Answerer interface {
	// AppendAnswer appends the answer, if any, which a full send queue drops. It must not
	// wait, nor keep frame.
	AppendAnswer(dst []byte, vid uint32, frame []byte) []byte
}

// Fareweller is an optional part of a FrameParser with a frame that says that this side
// leaves: the last of a stream that is unused, drained by Shutdown, or dropped.
type Fareweller interface {
	AppendFarewell(dst []byte) []byte
}

// Handshaker is an optional part of a FrameParser whose protocol greets. It runs on each
// new connection, after TLS, within the dial timeout, and must not read ahead.
type Handshaker interface {
	Handshake(ctx context.Context, nc net.Conn) error
}

// SessionHandshaker is a Handshaker whose greeting learns what requests need, as a token.
type SessionHandshaker interface {
	// HandshakeSession is Handshake; see Sessioned.
	HandshakeSession(ctx context.Context, nc net.Conn) (session any, err error)
}

// Settler is an optional part of a FrameParser that can tell the peer what this side
// takes, in front of the first frame of a stream. Both must be safe for concurrent use.
type Settler interface {
	AppendSettings(dst []byte, s Settings) []byte
	// ReadSettings must not keep frame. An error ends the connection.
	ReadSettings(frame []byte) (Settings, error)
}

// Measurer is an optional part of a FrameParser whose frames begin with id and length: one
// over the limit, up to 16 times, fails its call only. Parse must find that out with Peek,
// as transport.ReadFrame does.
type Measurer interface {
	// Measure tells id and whole length, in bytes, of the frame that begins with header,
	// what Parse has looked at; ok is false if there is none. It must not keep header,
	// which a FrameClassifier is then given.
	Measure(header []byte) (vid uint32, total int64, ok bool)
}

// Separator is an optional part of a FrameParser: bytes between frames are skipped.
type Separator interface {
	Separates(b byte) bool
}

// NextProtocol is an optional part of a FrameParser: its name in TLS's ALPN (RFC 7301),
// unless the tls.Config has NextProtos of its own.
type NextProtocol interface {
	NextProtocol() string
}

// Release gives back, whole, a frame that Read has returned, or memory of a FrameReader's
// Alloc: nothing else, and nobody may hold it any more. It is optional.
func Release(frame []byte) { wire.Free(frame) }
