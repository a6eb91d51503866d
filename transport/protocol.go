package transport

import (
	"context"
	"net"

	"github.com/muxkit/muxkit/muxpool"
)

// Node is the peer of a Client: the key that the pool, the breakers and the
// endpoints use too.
type Node = muxpool.Node

// Protocol is the plug: what a Client needs to know of a wire format. The pool
// uses the value itself as its FrameParser, so the rules of muxpool.FrameParser
// hold (safe for concurrent use, of a comparable type, best a struct without
// fields), and muxpool's optional parts are found on it: IDSpacer,
// FrameClassifier, KeepAliver, Handshaker or SessionHandshaker, Settler. The optional parts
// of this package are OneWayer, Canceler or CancelRequester and, for a Service,
// ServerProtocol and its own options.
type Protocol interface {
	muxpool.FrameParser

	// AppendRequest appends to dst the one frame of the request with the id. It
	// must not keep dst, req nor its Body. An error fails the call before anything is
	// sent. What it puts into req.Tag is resp.Tag when ParseResponse is called first.
	AppendRequest(dst []byte, id uint32, req *Message) ([]byte, error)

	// ParseResponse reads an answer's frame, as Parse cut it, into resp, whose
	// Method, Tag and Session are those of the request. resp.Body may refer to frame; everything else must be a copy.
	//
	// An error answer is returned as an *Error (with resp.Body, if it has a body,
	// and resp.Metadata set as well). Any other error says that the frame makes
	// no sense. Either way the call fails alone and the connection stays in use.
	//
	// Where the protocol answers one request with several frames (see
	// muxpool.FrameMore), it is called for each of them with the same resp, and
	// has to gather them there.
	ParseResponse(frame []byte, resp *Message) error
}

// OneWayer is an optional part of a Protocol whose AppendRequest honours
// Message.OneWay. Without it ClientOneWay is refused, since an answer that
// nobody expects would reach whoever uses the id next.
type OneWayer interface {
	// OneWay does nothing: that a protocol has it is what counts.
	OneWay()
}

// Canceler is an optional part of a Protocol with a frame that tells the server
// that the caller of id left. The client sends it when the call's context or
// timeout ends before the answer came.
type Canceler interface {
	AppendCancel(dst []byte, id uint32) []byte
}

// CancelRequester is an optional part of a Protocol, in the place of Canceler, whose cancel
// is a request: it has an id of its own, and is answered.
type CancelRequester interface {
	// AppendCancelRequest appends to dst the request, with the id, which tells the server
	// that the caller of left is gone; req has the Method, Tag and Session of that call,
	// and is not to be kept. Nothing is sent if nothing is appended.
	//
	// Both are to be answered: id goes to no call before its answer has come, which is
	// dropped and counted as late, and neither does left.
	AppendCancelRequest(dst []byte, id, left uint32, req *Message) []byte
}

// ServerProtocol is a Protocol that a Service can serve. Its Parse cuts requests
// into frames just as it does with answers.
type ServerProtocol interface {
	Protocol

	// ParseRequest reads a request's frame into req: at least Method and Body,
	// which may refer to frame. Everything else must be a copy.
	//
	// An error, best an *Error with CodeInvalidArgument, is answered to that call; the
	// connection stays in use. What ParseRequest could read by then (OneWay, Tag)
	// stands.
	ParseRequest(frame []byte, req *Message) error

	// AppendResponse appends to dst the frame of the answer to req, whose id is
	// id: an error answer if resp.Err is set, which then should carry resp.Body
	// too where the protocol can. req is that of ParseRequest, without its Body.
	// An error is answered with a CodeInternal in its place.
	AppendResponse(dst []byte, id uint32, req, resp *Message) ([]byte, error)
}

// RequestClassifier is an optional part of a ServerProtocol whose clients send
// other frames than requests.
type RequestClassifier interface {
	// ClassifyRequest must not keep or change frame.
	ClassifyRequest(id uint32, frame []byte) RequestKind
}

// RequestKind is what a frame from a client is.
type RequestKind uint8

const (
	// RequestCall is a request. The zero value.
	RequestCall RequestKind = iota
	// RequestCancel ends the context of the call with its id.
	RequestCancel
	// RequestPing asks for a sign of life: it is answered by what Ponger makes.
	RequestPing
	// RequestIgnored asks for nothing.
	RequestIgnored
	// RequestSettings tells what the client can take (see muxpool.Settler). It is taken
	// for RequestIgnored on datagrams, and without a Settler.
	RequestSettings
)

// Ponger is an optional part of a ServerProtocol: it answers a RequestPing.
type Ponger interface {
	AppendPong(dst []byte, id uint32, ping []byte) []byte
}

// GoingAwayer is an optional part of a ServerProtocol with a frame that asks the
// client for no new calls on the connection.
type GoingAwayer interface {
	AppendGoingAway(dst []byte) []byte
}

// Farewell is an optional part of a ServerProtocol that has last words for a client
// whose bytes it could not read, such as one that speaks another version.
type Farewell interface {
	// AppendFarewell appends to dst what the client is told before its connection is
	// closed because Parse returned err, which errors.As finds what it wrapped in; or
	// nothing, if it would not understand. It must not keep dst.
	AppendFarewell(dst []byte, err error) []byte
}

// Separator is an optional part of a Protocol with bytes between frames that
// belong to none; the pool and the Service skip them.
type Separator = muxpool.Separator

// ServerHandshaker is an optional part of a ServerProtocol that greets before the
// first request. It runs once on every new connection, after TLS, within the
// Service's handshake timeout: nc has that deadline set, and is closed when ctx
// ends.
type ServerHandshaker interface {
	ServerHandshake(ctx context.Context, nc net.Conn) error
}
