package muxpool

import (
	"fmt"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// reply answers a request of the peer's, if the protocol can. It is called by the read
// loop, which contains what panics.
func (c *conn) reply(vid uint32, frame []byte) {
	a, ok := c.node.key.parser.(Answerer)
	if !ok {
		c.node.counters.unsolicited.Add(1)
		return
	}
	if answer := a.AppendAnswer(nil, vid, frame); len(answer) > 0 {
		c.sendLast(answer)
	}
}

// farewell queues the frame that says that this side leaves, if the protocol has one.
func (c *conn) farewell() {
	f, ok := c.node.key.parser.(Fareweller)
	if !ok || c.datagram {
		return
	}
	defer func() { _ = recover() }() // the conn ends anyway
	c.sendLast(f.AppendFarewell(nil))
}

// errParserGone: the plug-in did not return (runtime.Goexit).
var errParserGone = fmt.Errorf("%w: %w: the parser did not return", ErrConnLost, ErrProtocol)

// own returns frame, or a copy if it lies in the memory that r reads ahead into, which is
// used again: a parser that returns what Peek gave is not punished for it.
func own(frame []byte, r interface{ Holds([]byte) bool }) []byte {
	if r.Holds(frame) {
		return append(wire.Alloc(len(frame))[:0], frame...)
	}
	return frame
}
