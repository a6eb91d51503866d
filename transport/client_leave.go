package transport

import (
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// leaveFunc tells the server that nobody waits for the call's answer any more.
type leaveFunc func(*clientCall, muxpool.MuxConn)

// leaver is how protocol does that, nil if it cannot.
func leaver(protocol Protocol) leaveFunc {
	switch p := protocol.(type) {
	case CancelRequester:
		return func(c *clientCall, mc muxpool.MuxConn) {
			w, ok := mc.(muxpool.LastRequester)
			if !ok {
				return // no id to be had: the server learns of it from its own deadline
			}
			req := &Message{Method: c.called, Tag: c.tag, Session: c.session}
			w.CloseWithRequest(func(id uint32) []byte { return p.AppendCancelRequest(nil, id, mc.VID(), req) })
		}
	case Canceler:
		return func(_ *clientCall, mc muxpool.MuxConn) {
			frame := p.AppendCancel(nil, mc.VID())
			if w, ok := mc.(muxpool.LastWriter); ok {
				w.CloseWith(frame)
				return
			}
			_ = mc.Write(frame) // likewise
		}
	}
	return nil
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
