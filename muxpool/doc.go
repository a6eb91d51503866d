// Package muxpool carries many virtual connections on few real ones: requests of
// many callers share the connections of a node, and each answer finds its caller
// by the id that its frame bears.
//
// # Parts
//
//	Multiplexed            the pool: nodes by identity, options, events
//	  node                 one peer: states, the queue of waiting Gets
//	    slot               the place of one connection: dial, redial, rest
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
// its slots (see settle). A conn is open, then draining, then closed, and never
// comes back: a slot redials by making a new conn, so nothing that was queued on
// the old one, or still arrives on it, reaches its successor. Only a connection
// that was lost with calls in flight is redialed unasked; one that the peer closed
// while idle is redialed when somebody wants it. A connection that ended because
// nothing arrived any more is not redialed unasked either: that a peer accepts
// connections does not prove that it answers.
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
// not take at once. A dial has one until it ends, an event delivery one
// while there are events. Timers watch over connections; they have no goroutine.
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
