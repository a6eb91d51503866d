// Package native is muxkit's own wire format, for services that have none:
// docs/native-protocol.md defines it, byte by byte.
//
// It has everything that package transport can use: 32-bit ids, metadata both
// ways, the caller's remaining time, cancellation, one-way calls, error answers
// with a code, a status, a message and the mark of a call that was not run, pings, a
// server's going-away, and what each side can take (muxpool.Settings).
//
// It speaks version 2. A client of version 1 is told so before its connection ends.
//
// Limits: a frame has at most 2 GiB, and in practice what the pool's
// WithMaxFrameSize and the Service's ServiceMaxFrameSize allow; a method, a
// metadata name or value and an error's message have at most 65,535 bytes;
// metadata has at most 65,535 pairs. Bodies in pieces are read from answers, up to
// 64 MiB, and not sent.
//
// The package starts no goroutines and holds no state.
package native
