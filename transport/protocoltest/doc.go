// Package protocoltest checks a transport.Protocol: everything that a pool, a
// Client and a Service take for granted of one.
//
//	func TestProtocol(t *testing.T) { protocoltest.Run(t, house.Protocol{}) }
//
// Run checks the bytes: frames cut one at a time, truncated, oversized and garbage
// frames, ids at the ends of their space, settings where the protocol has them, one
// way and, where it has a server side, both ways. With a server side it also drives a
// real Client over a real pool against a real Service: round trips, answers out of
// order, errors of every code, one-way calls, cancellation.
//
// A protocol without a server side brings answers along (Answer), or is checked
// against its real peer.
package protocoltest
