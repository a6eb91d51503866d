// Package muxtest helps to test what is built on muxpool: a small framed
// protocol, peers that speak it and fail on command, in memory or on real
// sockets or in a process of their own, and checks that nothing leaked.
//
//	Call --> pool --> dial --> Conn of a Peer --> Action --> answer, delay,
//	                                                         reset, garbage, ...
//
// # The protocol
//
// A frame is a header of 20 bytes and a body; integers are big-endian:
//
//	0 "mx"   2 version   3 kind   4 length of the body (u32)
//	8 id (u32)   12 nonce (u64)   20 body
//
// The nonce is the caller's, and comes back in the answer: an answer that was
// delivered to the wrong call is found out by its nonce. [Parser] cuts frames and
// has none of the pool's optional interfaces. Embed the parts that a test needs:
//
//	type parser struct {
//		muxtest.Parser
//		muxtest.Kinds     // muxpool.FrameClassifier
//		muxtest.KeepAlive // muxpool.KeepAliver
//	}
//
// # Peers
//
// A [Peer] answers. [Peer.DialContext] reaches it in memory, also inside a
// testing/synctest bubble; [Peer.Listen] opens a real listener. What it does with
// each frame is an [Action], changed at any time with [Peer.Do]. [Process] runs a
// Peer in a process that can be killed, stopped and restarted.
//
// # Limits
//
// The package speaks its own protocol only: to test a parser of yours against
// a misbehaving peer, let [Conn.Write] send the bytes. Peers are for tests: they
// trust their caller and bound nothing but the size of a frame.
package muxtest
