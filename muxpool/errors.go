package muxpool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// The causes of an Error, for errors.Is.
var (
	ErrFrameParserNil = errors.New("muxpool: frame parser is nil")
	// ErrRecvQueueFull: too much was unread (see WithRecvLimit). What was kept is read
	// first.
	ErrRecvQueueFull = errors.New("muxpool: virtual connection's receive queue is full")
	ErrSendQueueFull = wire.ErrQueueFull
	// ErrDupRequestID: the id of WithVID is in use, or an answer to it is awaited.
	ErrDupRequestID      = errors.New("muxpool: duplicate request id")
	ErrNetworkNotSupport = errors.New("muxpool: network not supported")
	// ErrConnectionsHaveBeenExpelled: attempts to make a connection have ended, with the
	// causes in the chain. The next Get tries again.
	ErrConnectionsHaveBeenExpelled = errors.New("muxpool: connections have been expelled")
	ErrReconnectLimit              = errors.New("muxpool: reconnect limit reached")
	ErrPoolClosed                  = errors.New("muxpool: pool closed")
	ErrMuxConnClosed               = errors.New("muxpool: virtual connection closed")
	// ErrConnLost: before the answer came.
	ErrConnLost = errors.New("muxpool: connection lost")
	// ErrFrameTooLarge: for an option, the peer, or a datagram.
	ErrFrameTooLarge = wire.ErrFrameTooLarge
	// ErrProtocol: the parser refused what came.
	ErrProtocol         = errors.New("muxpool: protocol error")
	ErrKeepAliveTimeout = errors.New("muxpool: keepalive timeout")
	ErrStalled          = errors.New("muxpool: connection stalled")
	// ErrInvalidOption: the text names the option and its value.
	ErrInvalidOption = errors.New("muxpool: invalid option")
)

// because is kind and what it has come of, each findable, in one line that begins with the
// package's name and has it nowhere else.
func because(kind error, causes ...error) error {
	e := &causedError{errs: append([]error{kind}, causes...), said: kind.Error()}
	for _, c := range causes {
		e.said += ": " + bare(c)
	}
	return e
}

type causedError struct {
	errs []error
	said string
}

func (e *causedError) Error() string   { return e.said }
func (e *causedError) Unwrap() []error { return e.errs }

const prefix = "muxpool: "

// bare is what err says behind what has said prefix already.
func bare(err error) string { return strings.TrimPrefix(err.Error(), prefix) }

// both is two errors as one, whose text is one line that says nothing twice; nil if both are.
func both(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	a, b := first.Error(), second.Error()
	switch {
	case strings.Contains(a, b):
	case strings.Contains(b, a):
		a = b
	default:
		if b = b[common(a, b):]; strings.Contains(a, prefix) {
			b = strings.TrimPrefix(b, prefix)
		}
		a = once(a + "; " + b)
	}
	return text.Instead(fmt.Errorf("%w; %w", first, second), a)
}

// once is a text of causes, with semicolons between them, that has each of them once.
func once(said string) string {
	var causes []string
	for cause := range strings.SplitSeq(said, "; ") {
		if !slices.Contains(causes, cause) {
			causes = append(causes, cause)
		}
	}
	return strings.Join(causes, "; ")
}

// common is the length of what both begin with, in whole parts that end with a colon.
func common(a, b string) (n int) {
	for {
		i := strings.Index(b[n:], ": ")
		if i < 0 || !strings.HasPrefix(a, b[:n+i+2]) {
			return n
		}
		n += i + 2
	}
}

// sameErrno reports whether the kernel has said the same.
func sameErrno(first, second error) bool {
	var a, b syscall.Errno
	return errors.As(first, &a) && errors.As(second, &b) && a == b
}

// Error is that of every failed call to a Pool or MuxConn.
type Error struct {
	Op   string // "get", "write", "read", "prewarm" or "ping"
	Node Node
	Err  error // the cause, never nil

	unsent bool // no byte of the request was, nor will be, handed to the kernel, or the peer did not come to read it
}

// Sent reports whether the kernel may have, or get, a byte of the request. False is a
// promise: a retry is safe. Another Pool's errors promise it of a Get only.
func (e *Error) Sent() bool { return !e.unsent && e.Op != "get" }

func (e *Error) Unwrap() error { return e.Err }

// Timeout implements net.Error's.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

func (e *Error) Error() string {
	sent := "not sent"
	if e.Sent() {
		sent = "maybe sent"
	}
	return fmt.Sprintf("%s %s (%s): %s", e.Op, e.Node, sent, text.Said(e.Err.Error(), 4*maxForeign))
}

// ctxErr is the error of a context that has ended, or is about to, joined with its
// cause where that says more. What a context is derived from ends before it.
func ctxErr(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		if d := deadline.Of(ctx); d == nil || d.Base().Err() != nil {
			<-ctx.Done()
			err = ctx.Err()
		}
		if err == nil { // a context of somebody's, whose Done is closed and whose Err is nil
			err = context.Canceled
		}
	}
	if cause := context.Cause(ctx); cause != err {
		return both(err, cause)
	}
	return err
}
