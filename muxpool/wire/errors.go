package wire

import "errors"

var (
	// ErrFrameTooLarge: a frame is over the limit of its reader or writer.
	ErrFrameTooLarge = errors.New("muxpool: frame too large")
	// ErrQueueFull: the writer's queue is full and its caller does not wait.
	ErrQueueFull = errors.New("muxpool: connection's send queue is full")
)
