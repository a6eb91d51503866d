// Package wire moves bytes: it gathers the frames of many goroutines into few
// writes, and reads frames within bounds. The pool and the server share it.
package wire
