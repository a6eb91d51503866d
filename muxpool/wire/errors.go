package wire

import (
	"errors"
	"net"
	"os"
	"syscall"
)

var (
	// ErrFrameTooLarge: a frame is over the limit of its reader or writer.
	ErrFrameTooLarge = errors.New("muxpool: frame too large")
	// ErrSealed: the frame's Mark is sealed.
	ErrSealed = errors.New("muxpool: the call has ended")
	// ErrQueueFull: the writer's queue is full and its caller does not wait.
	ErrQueueFull = errors.New("muxpool: connection's send queue is full")
)

// DeadlinePassed reports whether err says that the deadline of a read or a write has
// passed. The standard library's connections say os.ErrDeadlineExceeded, others a
// net.Error that is a timeout. That the peer's kernel does not answer (ETIMEDOUT) is a
// timeout, too, but no deadline: the connection has ended.
func DeadlinePassed(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, syscall.ETIMEDOUT)
}
