package wire

import "errors"

var (
	// ErrFrameTooLarge: a frame is over the limit of its reader or writer.
	ErrFrameTooLarge = errors.New("muxpool: frame too large")
	// ErrSealed: the frame's Mark is sealed.
	ErrSealed = errors.New("muxpool: the call has ended")
	// ErrQueueFull: the writer's queue is full and its caller does not wait.
	ErrQueueFull = errors.New("muxpool: connection's send queue is full")
)
