// Package wire moves bytes: it gathers the frames of many goroutines into few
// writes, and reads frames within bounds. The pool and the server share it.
//
// It is this module's own: its API may change with any version, without a line in the
// changelog. Protocols need none of it but FrameReader, which muxpool names as well.
package wire
