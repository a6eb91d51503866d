// Package muxpool carries many virtual connections on few real ones: requests of
// many callers share the connections of a node, and each answer finds its caller
// by the id that its frame bears.
//
// # Parts
//
//	Multiplexed            the pool: nodes by identity, options, events
//	  node                 one peer: states, the queue of waiting Gets
//	    standing           whether the peer is proven, in one word
//	    slot               the place of one connection: dial, redial, rest
//	    waiters            Gets that wait, in order
//	      conn             one connection, which lives once
//	        ids            free, live and reserved ids
//	        wire.Writer    frames of many callers into few writes
//	        read loop      frames of the peer to their calls (see arrivals)
//	        health         signs of life, idleness
//	        deadlines      ends calls in time, also those of package deadline's contexts
//	        patience       spares Reads on a busy conn their contexts for a moment
//	        call           one id in use: its inbox, its error
//	          muxConn      the handle that the user holds
//
// # Life of a node and of a conn
//
// A node is idle, dialing, ready, reconnecting or expelled; its state follows from
// its slots (see settle). What becomes of a slot is told in slot.go, by one function
// without side effects (step), and has one door (change). A conn is open, then draining, then closed, and never
// comes back: a slot redials by making a new conn, so nothing that was queued on
// the old one, or still arrives on it, reaches its successor. A connection that was
// lost with calls in flight is redialed unasked; one that the peer closed while idle,
// or that it asked to leave, when somebody wants it, and with the same patience. A
// connection that ended because nothing arrived any more is not redialed unasked, nor
// is one beyond WithConnectNumber.
//
// That a peer accepts connections does not prove that it answers. What proves it
// stands in proof.go. Until then each connect is an attempt, and each further wait is
// longer: first before a redial, by milliseconds, up to the limit of WithReconnect;
// then as a rest, from a second to a minute, which a Get ends if no other connection
// is there or coming.
//
// # Locks
//
// The order is pool, node, conn, call; the writer's lock, the events' and the
// count of conns are leaves. Under any of them there is no I/O, no call into user
// code and no wait. Which fields a lock guards stands at the lock; a field
// that is not guarded says who owns it.
//
// # Goroutines
//
// A connection has one goroutine while it is idle, its read loop. A second, the
// writer's flusher, lives while there is something to write that the kernel does
// not take at once. A dial has one until it ends, and one more for each address of a
// name with several; each subscriber has one while there are events for it. Timers watch over connections; they have no goroutine.
//
// # Invariants
//
//   - A frame is read by the call whose id it bears, on the conn on which the call
//     wrote, or by nobody.
//   - An id is handed out once at a time. If its caller leaves before the answer
//     came, it stays reserved until that answer comes or the conn ends.
//   - Every wait ends with the context of who waits. A dial is shared by those who
//     wait for it and belongs to none of them.
//   - Every failed call gets one error, with its cause. Sent() == false means that
//     no byte of the request was handed to the kernel, nor will be.
//   - Everything is bounded: the bytes of a frame, the frames and bytes queued to
//     be written, the bytes unread, the calls in flight by the id space.
//   - Two identities (network, address, parser, TLS settings, local address)
//     never share a connection.
//
// # Limits
//
// A plain parser, without FrameClassifier, cannot tell an answer from one more
// frame of a stream: a second frame for a MuxConn that is still open is read by
// it, and counted as a duplicate only if it was not. Without KeepAliver, a peer
// that is silent because it works on a single long call looks like one that is
// stopped, once another call on that connection has timed out
// (see WithStallTimeout). A UDP write may wait for the local network queue.
package muxpool
