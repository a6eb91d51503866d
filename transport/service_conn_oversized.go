package transport

import (
	"errors"
	"fmt"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// skipFactor is how often ServiceMaxFrameSize a frame may be that is passed over.
const skipFactor = 16

// passOver deals with a frame that Parse refused with parse: one that is too large, or
// for which there is no memory, is passed over, and its call then answered, unrun, if
// the protocol can tell what it is. Any other ends the connection with the error that
// is returned.
func (c *serverConn) passOver(parse error) error {
	refused := c.refusal(parse)
	if refused == nil {
		c.part(parse)
		return c.whyEnded(c.recognized(both(parse, c.reader.TooLarge())))
	}
	s := c.service
	head, err := c.reader.Head()
	if err != nil {
		return both(parse, err)
	}
	id, total, ok := s.measurer.Measure(head)
	if !ok {
		return parse
	}
	if limit := s.limits.MaxFrameSize; total > skipFactor*int64(limit) {
		return text.Instead(parse, fmt.Sprintf("transport: a frame of %d bytes, at most %d are allowed (ServiceMaxFrameSize): it is not passed over", total, limit))
	}
	c.meet()
	var call *serverCall
	if s.kinds == nil || s.kinds.ClassifyRequest(id, head) == RequestCall {
		if head, err = c.reader.HeadOf(int(min(total, headBytes))); c.reader.Over() != nil {
			head, err = c.reader.Head() // what is there has to do
		}
		if err != nil {
			return c.whyEnded(err)
		}
		call, _ = s.parse(c.callCtx, c, id, head, c.source.arrived)
		call.req.frame, call.req.Body = nil, nil // the reader's
	}
	if err := c.reader.Skip(total); err != nil {
		if call != nil {
			call.drop()
		}
		return c.whyEnded(err)
	}
	if call == nil {
		return nil
	}
	if refused.refused == frameTooLarge {
		refused.Message = fmt.Sprintf("a request of %d bytes, at most %d are allowed (ServiceMaxFrameSize)", total, s.limits.MaxFrameSize)
		if errors.Is(parse, wire.ErrFrameTooLarge) && total <= int64(s.limits.MaxFrameSize) {
			refused.Message = parse.Error() // the protocol's own limit
		}
	}
	if !c.remember(call) {
		call.drop()
		return errDuplicate(id)
	}
	call.enter(&c.account, nil, 0)
	c.began()
	c.turnAway(call, refused)
	return nil
}

// recognized is why the client's bytes were refused, and what they are, if they are the first.
func (c *serverConn) recognized(parse error) error {
	if c.met {
		return parse
	}
	return c.source.first.Refused(parse, "ServiceTLSConfig")
}

// headBytes is how much of a frame that is passed over is looked at: what the largest
// known header, that of a tRPC frame, has.
const headBytes = 64<<10 + 16

// refusal is the answer to a frame that Parse refused with parse, nil if it has none.
func (c *serverConn) refusal(parse error) *Error {
	if c.service.measurer == nil {
		return nil
	}
	if over := c.reader.Over(); over != nil {
		return chosen(over)
	}
	if errors.Is(parse, wire.ErrFrameTooLarge) || c.reader.TooLarge() != nil {
		return &Error{Code: CodeTooLarge, refused: frameTooLarge}
	}
	return nil
}

// errDuplicate ends a connection: whichever of the calls was answered, the client could
// not tell which it is.
func errDuplicate(id uint32) error {
	return fmt.Errorf("%w: a second request with id %d while the first is in flight", muxpool.ErrProtocol, id)
}
