package muxpool

import (
	"errors"
)

// reply answers a request of the peer's, if the protocol can. It is called by the read
// loop, which contains what panics.
func (c *conn) reply(vid uint32, frame []byte) {
	a, ok := c.node.key.parser.(Answerer)
	if !ok {
		c.node.counters.unsolicited.Add(1)
		return
	}
	c.sendLast(a.AppendAnswer(nil, vid, frame), 0)
}

// farewell queues the frame that says that this side leaves, if the protocol has one.
func (c *conn) farewell() {
	f, ok := c.node.key.parser.(Fareweller)
	if !ok || c.datagram {
		return
	}
	defer func() { _ = recover() }() // the conn ends anyway
	c.sendLast(f.AppendFarewell(nil), 0)
}

// errParserGone: the plug-in did not return (runtime.Goexit).
var errParserGone = because(ErrConnLost, ErrProtocol, errors.New("the parser did not return"))
