// Package interop proves transport/trpc on the real peer, the Go module
// trpc.group/trpc-go/trpc-go: its server with muxkit's Client, its client, in both
// of its connection modes, with muxkit's Service, and its codec with the
// hand-written one. It holds nothing but tests, in a module of its own, so that
// muxkit does not depend on the peer.
package interop
