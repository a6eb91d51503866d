package muxpool

import (
	"errors"
	"fmt"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// The errors of this package, all to be matched with errors.Is. The first ten
// have the names and the meaning that they have in tRPC-Go's pool/multiplexed.
var (
	// ErrFrameParserNil: GetOptions has no FrameParser.
	ErrFrameParserNil = errors.New("muxpool: frame parser is nil")
	// ErrRecvQueueFull: more frames were unread on one MuxConn than WithRecvLimit
	// allows, for longer than WithRecvWait. What was kept is read first.
	ErrRecvQueueFull = errors.New("muxpool: virtual connection's receive queue is full")
	// ErrSendQueueFull: the connection's send queue is full and the pool was made
	// with WithDropFull.
	ErrSendQueueFull = wire.ErrQueueFull
	// ErrDupRequestID: the explicit id (WithVID) is in use on the connection, by
	// another MuxConn or by an answer that is still awaited.
	ErrDupRequestID = errors.New("muxpool: duplicate request id")
	// ErrNetworkNotSupport: the network is none of those that GetMuxConn names.
	ErrNetworkNotSupport = errors.New("muxpool: network not supported")
	// ErrConnectionsHaveBeenExpelled: the node has no connection left and the
	// attempts to make one have ended; the causes are in the chain. The next Get
	// tries again: at once, or, if the peer connects and then hangs up, after a wait
	// as before a redial.
	ErrConnectionsHaveBeenExpelled = errors.New("muxpool: connections have been expelled")
	// ErrReconnectLimit: a lost connection could not be redialed within the
	// attempts of WithReconnect.
	ErrReconnectLimit = errors.New("muxpool: reconnect limit reached")
	// ErrPoolClosed: the pool was closed, or is shutting down.
	ErrPoolClosed = errors.New("muxpool: pool closed")
	// ErrMuxConnClosed: the MuxConn was closed by its user.
	ErrMuxConnClosed = errors.New("muxpool: virtual connection closed")
	// ErrConnLost: the connection ended before the answer came.
	ErrConnLost = errors.New("muxpool: connection lost")
	// ErrFrameTooLarge: a frame is over WithMaxFrameSize, or a request over what the
	// peer says that it takes, or it does not fit into a datagram.
	ErrFrameTooLarge = wire.ErrFrameTooLarge
	// ErrProtocol: the peer sent bytes that the parser refused.
	ErrProtocol = errors.New("muxpool: protocol error")
	// ErrKeepAliveTimeout: the peer showed no sign of life (see WithKeepAlive).
	ErrKeepAliveTimeout = errors.New("muxpool: keepalive timeout")
	// ErrStalled: calls on the connection timed out, or a frame has begun, and
	// nothing arrived (see WithStallTimeout).
	ErrStalled = errors.New("muxpool: connection stalled")
	// ErrInvalidOption: an option's value makes no sense; the text names the
	// option and the value.
	ErrInvalidOption = errors.New("muxpool: invalid option")
)

// both is two errors as one, whose text is one line; nil if both are.
func both(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return fmt.Errorf("%w; %w", first, second)
}

// Error is the error of every failed call to a Pool or a MuxConn. It says what
// failed, on which node, whether the request may have reached the peer, and
// why: errors.Is and errors.As look through it.
type Error struct {
	Op   string // "get", "write" or "read"
	Node Node
	Err  error // the cause, never nil

	unsent bool // no byte of the request was, nor will be, handed to the kernel
}

// Sent reports whether the request, or a part of it, may have been handed to
// the kernel. False is a promise: no byte of it was nor will be, so that a retry
// is safe whatever the request does.
// An error of another Pool that was not made here promises it of a Get only, which sends
// nothing.
func (e *Error) Sent() bool { return !e.unsent && e.Op != "get" }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the cause is a timeout, as net.Error does.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

func (e *Error) Error() string {
	sent := "not sent"
	if e.Sent() {
		sent = "maybe sent"
	}
	return fmt.Sprintf("%s %s (%s): %v", e.Op, e.Node, sent, e.Err)
}
