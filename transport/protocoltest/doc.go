// Package protocoltest checks a transport.Protocol: everything that a pool, a
// Client and a Service take for granted of one.
//
//	func TestProtocol(t *testing.T) { protocoltest.Run(t, house.Protocol{}) }
//
// Run checks the bytes first: frames cut one at a time, truncated, oversized and garbage
// frames, ids at the ends of their space, whose memory a frame is, answers, error answers,
// settings where the protocol has them. If they are right it drives a real Client over a
// real pool: against a real Service if the protocol has a server side, else against a
// scripted peer: round trips, answers out of order, late and in pieces, error answers,
// one-way calls, connections that end. Whatever the protocol does, it comes to a verdict:
// a method that does not return, or panics, is a failure like another. Each failure says
// which rule was broken.
//
// A protocol without a server side tells how its peer answers (Answer, ErrorAnswer).
// What those leave out is skipped, and the skip says so.
//
// FuzzFrames and FuzzMessages are the bodies of fuzz tests, for what peers send and for
// what this side makes. Serve gives authors a scripted peer for tests of their own.
package protocoltest
