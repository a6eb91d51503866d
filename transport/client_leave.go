package transport

import (
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// leaver is how a protocol tells the server that nobody waits for a call's answer any more:
// at most one of the two.
type leaver struct {
	canceler  Canceler
	requester CancelRequester
}

func newLeaver(protocol Protocol) (l leaver) {
	if l.requester, _ = protocol.(CancelRequester); l.requester == nil {
		l.canceler, _ = protocol.(Canceler)
	}
	return l
}

// tellLeft tells it, if it can.
func (c *clientCall) tellLeft(mc muxpool.MuxConn) {
	if w, ok := mc.(muxpool.LastRequester); ok && c.leaver.requester != nil { // else no id is to be had for it
		p, req := c.leaver.requester, &Message{Method: c.called, Tag: c.tag, Session: c.session}
		w.CloseWithRequest(func(id uint32) []byte { return p.AppendCancelRequest(nil, id, mc.VID(), req) })
		return
	}
	if c.leaver.canceler == nil {
		return // the server learns of it from its own deadline
	}
	frame := c.leaver.canceler.AppendCancel(nil, mc.VID())
	if w, ok := mc.(muxpool.LastWriter); ok {
		w.CloseWith(frame)
		return
	}
	_ = mc.Write(frame)
}

// join gives the request what the handshake of its connection has learned.
func (c *clientCall) join(mc muxpool.MuxConn) error {
	if !c.sessions {
		return nil
	}
	s, ok := mc.(muxpool.Sessioned)
	if !ok {
		return c.fail(CodeInvalid, verdict.Caller, verdict.NotSent,
			fmt.Errorf("%w: NewClient: the protocol %T has sessions, and a MuxConn of the pool does not tell its own (muxpool.Sessioned)", ErrInvalidOption, c.protocol))
	}
	c.session = s.Session()
	c.req.Session = c.session
	return nil
}
