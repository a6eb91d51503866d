// Package interop proves transport/trpc on the real peer, the Go module
// trpc.group/trpc-go/trpc-go: its server with muxkit's Client, its client, in both
// of its connection modes, with muxkit's Service, and its codec with the
// hand-written one. It holds nothing but tests and the program in peer, in a
// module of its own, so that muxkit does not depend on the peer.
//
// The peer runs in a process of its own, which the tests build and start: its
// goroutines have no end, and with the race detector its epoll code (tnet) is
// stopped by checkptr, so that it is built without.
package interop
