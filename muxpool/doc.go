// Package muxpool carries many virtual connections on few real ones: requests of
// many callers share the connections of a node, and each answer finds its caller
// by the id that its frame bears.
//
//	pool, err := muxpool.New()
//	opts := muxpool.NewGetOptions()
//	opts.WithFrameParser(parser)
//	mc, err := pool.GetMuxConn(ctx, "tcp", "127.0.0.1:8000", opts)
//	defer mc.Close()
//	err = mc.Write(request(mc.VID()))
//	answer, err := mc.Read()
//
// # What holds
//
//   - A frame is read by the call whose id it bears, on the connection on which that
//     wrote, or by nobody: the id of a caller who has left stays reserved for its answer.
//   - Every wait ends with the context of who waits, every failed call with one *Error.
//   - Everything is bounded: frames, queues, unread bytes, calls in flight.
//   - Two identities (network, address, parser, TLS, local address) share no connection.
//
// How it works: docs/design.md; what a parser may do: docs/protocols.md.
//
// # Compatibility
//
// Package wire, and the watching half of package deadline, are this module's own, and may
// change. Structs may grow: use the names of their fields.
package muxpool
