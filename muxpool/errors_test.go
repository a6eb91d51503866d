package muxpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestErrorsSayNothingTwice: what is joined from several causes is one line that says each
// once; the node is named by the Error around it. Each cause stays findable.
func TestErrorsSayNothingTwice(t *testing.T) {
	d := &dialer{key: nodeKey{node: Node{"tcp", "10.0.0.1:80"}}}
	refusedAt := func(ip string) error {
		addr := &net.TCPAddr{IP: net.ParseIP(ip), Port: 80}
		return &net.OpError{Op: "dial", Net: "tcp", Addr: addr, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	refused := d.unreached(refusedAt("10.0.0.1"))
	late := d.inTime(&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}, Err: context.DeadlineExceeded})
	lost := fmt.Errorf("%w: %w", ErrConnLost, io.EOF)
	expel := func(causes ...error) error {
		return &expelledError{errs: append([]error{ErrConnectionsHaveBeenExpelled}, causes...)}
	}
	for _, c := range []struct {
		err  error
		want string
		is   []error
	}{
		{refused, "dial: connect: connection refused", []error{syscall.ECONNREFUSED}},
		{d.unreached(refusedAt("10.0.0.2")), "dial tcp 10.0.0.2:80: connect: connection refused", []error{syscall.ECONNREFUSED}}, // a name's
		{d.unreached(late), "dial: not ready within 0s: context deadline exceeded", nil},
		{d.unreached(errors.New("the cable is cut")), "dial: the cable is cut", nil},
		{d.unreached(errors.New("two\nlines")), `dial: "two\nlines"`, nil},
		{both(lost, lost), "muxpool: connection lost: EOF", []error{ErrConnLost, io.EOF}},
		{both(writerError(syscall.EPIPE), lost), "muxpool: connection lost: write: broken pipe; EOF", []error{syscall.EPIPE, io.EOF}},
		{both(fmt.Errorf("%w: idle: %w", ErrConnLost, io.EOF), fmt.Errorf("%w: idle: %w", ErrConnLost, syscall.ECONNRESET)),
			"muxpool: connection lost: idle: EOF; connection reset by peer", []error{io.EOF, syscall.ECONNRESET}},
		{writerError(lost), "muxpool: connection lost: EOF", []error{ErrConnLost, io.EOF}},
		{both(context.Canceled, fmt.Errorf("the user left: %w", context.Canceled)), "the user left: context canceled", []error{context.Canceled}},
		{both(context.Canceled, errors.New("the user left")), "context canceled; the user left", []error{context.Canceled}},
		{both(context.DeadlineExceeded, errors.New("muxpool: not connected yet")), "context deadline exceeded; muxpool: not connected yet", nil},
		{both(because(ErrConnLost, io.EOF), errors.New("muxpool: full")), "muxpool: connection lost: EOF; full", []error{ErrConnLost, io.EOF}},
		{because(ErrConnLost, ErrProtocol, io.EOF), "muxpool: connection lost: protocol error: EOF", []error{ErrConnLost, ErrProtocol, io.EOF}},
		{because(ErrConnLost, bug("x")), "muxpool: connection lost: BUG: x", []error{ErrConnLost}},
		{both(nil, io.EOF), "EOF", []error{io.EOF}},
		{both(io.EOF, nil), "EOF", []error{io.EOF}},
		{expel(refused, refused), "muxpool: connections have been expelled; dial: connect: connection refused", []error{syscall.ECONNREFUSED}},
		{expel(refused, &spentError{10, refused}, refused, &spentError{9, refused}),
			"muxpool: connections have been expelled; reconnect limit reached: 10 attempts: dial: connect: connection refused",
			[]error{ErrConnectionsHaveBeenExpelled, ErrReconnectLimit, syscall.ECONNREFUSED}},
		{expel(refused, &spentError{1, refused}),
			"muxpool: connections have been expelled; reconnect limit reached: 1 attempts: dial: connect: connection refused", nil},
		{expel(lost, &spentError{10, refused}, lost),
			"muxpool: connections have been expelled; connection lost: EOF; reconnect limit reached: 10 attempts: dial: connect: connection refused",
			[]error{ErrConnLost, io.EOF, ErrReconnectLimit, syscall.ECONNREFUSED}},
		{both(both(writerError(syscall.EPIPE), lost), both(writerError(syscall.ECONNRESET), lost)),
			"muxpool: connection lost: write: broken pipe; EOF; connection reset by peer", []error{syscall.EPIPE, io.EOF, syscall.ECONNRESET}},
		{expel(both(writerError(syscall.EPIPE), lost), &spentError{10, both(writerError(syscall.EPIPE), lost)}, both(writerError(syscall.ECONNRESET), lost)),
			"muxpool: connections have been expelled; reconnect limit reached: 10 attempts: connection lost: write: broken pipe; EOF; connection lost: write: connection reset by peer",
			[]error{syscall.EPIPE, io.EOF, syscall.ECONNRESET}},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		for _, is := range c.is {
			if !errors.Is(c.err, is) {
				t.Errorf("%v is not findable in %v", is, c.err)
			}
		}
	}
	if op := (*net.OpError)(nil); !errors.As(getError(d.key.node, refused), &op) {
		t.Error("net's own error is not findable")
	}
	if got, want := getError(d.key.node, refused).Error(), "get tcp://10.0.0.1:80 (not sent): dial: connect: connection refused"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	long := errors.New(strings.Repeat("x", 5*maxForeign))
	if got, want := len(getError(d.key.node, long).Error()), len("get tcp://10.0.0.1:80 (not sent): ...")+4*maxForeign; got != want {
		t.Errorf("of a text of %d bytes %d are told, want %d", 5*maxForeign, got, want)
	}
	e := Event{Kind: DialFailed, Node: d.key.node, Reason: ReasonDialFailed, Err: refused}
	if got := e.String(); strings.Count(got, "dial failed") != 1 || strings.Count(got, "10.0.0.1") != 1 {
		t.Errorf("the event says something twice: %s", got)
	}
}

// TestTimeoutOfAnError is that of its cause, if that may be one.
func TestTimeoutOfAnError(t *testing.T) {
	for err, want := range map[error]bool{
		io.EOF: false, syscall.ECONNREFUSED: false, syscall.ETIMEDOUT: true, context.DeadlineExceeded: true, os.ErrDeadlineExceeded: true,
		&dialTimeout{1, io.EOF}: true, fmt.Errorf("%w: %w", ErrConnLost, syscall.ECONNRESET): false,
	} {
		if got := (&Error{Op: "read", Err: err}).Timeout(); got != want {
			t.Errorf("%v is a timeout: %v", err, got)
		}
	}
}

// silentContext is one of somebody's whose Done is closed and whose Err is nil.
type silentContext struct{ context.Context }

func (silentContext) Err() error { return nil }

// TestErrorOfAContext: with its cause, and of one that has no error, that it was canceled.
func TestErrorOfAContext(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	caused, cause := context.WithCancelCause(t.Context())
	cause(errors.New("the user left"))
	late, stop := context.WithTimeout(t.Context(), -1)
	defer stop()
	for _, row := range []struct {
		ctx  context.Context
		is   error
		said string
	}{
		{canceled, context.Canceled, "context canceled"},
		{caused, context.Canceled, "context canceled; the user left"},
		{late, context.DeadlineExceeded, "context deadline exceeded"},
		{silentContext{canceled}, context.Canceled, "context canceled"},
	} {
		if err := ctxErr(row.ctx); err == nil || err.Error() != row.said || !errors.Is(err, row.is) {
			t.Errorf("got %v, want %s", err, row.said)
		}
	}
}
