// Package resp is the client side of RESP, the protocol of Redis and of what speaks like it
// (https://redis.io/docs/latest/develop/reference/protocol-spec/), versions 2 and 3.
//
//	get := transport.NewClient(pool, node, resp.Protocol{}, "GET", resp.EncodeCommand, resp.DecodeValue)
//	v, err := get.Endpoint()(ctx, resp.Cmd("GET", "key"))
//	text := v.(resp.Value).String()
//
// RESP has no ids: the commands of all callers are pipelined on the connections that they
// share, and the pool knows the answers by their order (see muxpool.Orderer). So a command that
// changes what its connection does, is answered by nothing or by more than one reply, or waits
// on the server while those behind it wait, is refused with an error that names it, before
// anything is sent: SUBSCRIBE, MONITOR, MULTI, SELECT, BLPOP and others. A transaction is a
// script, or a connection of one's own.
//
// An error of Redis's is a *transport.Error; docs/protocols-resp.md has the table of codes.
// Pushes of version 3 go to Protocol.Pushes. A reply is bounded by the pool's
// WithMaxFrameSize, has at most 1,048,576 elements, and at most 32 aggregates in each other.
//
// The package starts no goroutines. All functions are safe for concurrent use.
package resp
