package trpc

import "math"

// KeepAlive is Protocol with a sign of life, for pools: a request without a head,
// which trpc-go and muxkit answer at once with an error and without running
// anything. tRPC defines no frame for that, and a server of another make may close
// the connection, so that it is not part of Protocol.
//
// It matters where calls are rare. trpc-go leaves a request unanswered whose time
// is over, so on a quiet connection a call that timed out looks as it does when the
// peer is gone (see muxpool.WithStallTimeout).
type KeepAlive struct{ Protocol }

// AppendKeepAlive implements muxpool.KeepAliver.
func (KeepAlive) AppendKeepAlive(dst []byte, vid uint32) []byte {
	start := len(dst)
	dst = appendHeader(dst, frameUnary, 0, vid, version1)
	dst, _ = finish(dst, start, len(dst), math.MaxInt)
	return dst
}
