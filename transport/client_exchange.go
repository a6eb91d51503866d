package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// exchange sends the request and reads the answer. An error answer is no error
// here: see failure.
func (c *clientCall) exchange() error {
	mc, err := c.getConn()
	if err != nil {
		return c.failPool(false, err)
	}
	defer mc.Close()
	if !c.plain {
		c.sent.local, c.sent.remote = mc.LocalAddr(), mc.RemoteAddr()
	}
	if err := c.write(mc); err != nil || c.oneWay {
		return err
	}
	return c.read(mc)
}

// getConn gets a MuxConn that ends with the call's context, and when its time is over.
func (c *clientCall) getConn() (muxpool.MuxConn, error) {
	ctx, bounded := c.bound()
	bulk := c.bulk.of(len(c.req.Body))
	if !bounded && !bulk {
		return c.pool.GetMuxConn(ctx, c.node.Network, c.node.Address, c.opts)
	}
	opts := c.opts
	opts.WithBulk(bulk)
	if bounded {
		opts.WithDeadline(c.end)
	}
	return c.pool.GetMuxConn(ctx, c.node.Network, c.node.Address, opts)
}

// bound settles when the call is over, now that the hooks have run. It returns the
// context for the pool, and whether end comes before the context's.
func (c *clientCall) bound() (ctx context.Context, bounded bool) {
	ctx = c.ctx
	if c.plain {
		return ctx, c.limit > 0 && c.limit == c.timeout
	}
	own, _ := ctx.(*callContext)
	bare := own == &c.begin // nothing was put on top of the caller's context
	if bare && deadline.Of(c.begin.Context) != nil {
		ctx = c.begin.Context // which the pool knows to treat cheaply
	}
	if c.req.Timeout <= 0 {
		c.end = time.Time{}
		return ctx, false
	}
	if c.end.IsZero() {
		c.end = time.Now() // a hook set a limit where there was none
	}
	c.end = c.end.Add(c.req.Timeout - c.limit) // a hook may have changed it
	return ctx, c.req.Timeout != c.limit || c.limit == c.timeout || !bare && !endsBy(ctx, c.end)
}

// endsBy reports whether ctx ends at t by itself.
func endsBy(ctx context.Context, t time.Time) bool {
	d, ok := ctx.Deadline()
	return ok && !d.After(t)
}

func (c *clientCall) write(mc muxpool.MuxConn) error {
	if err := c.join(mc); err != nil {
		return err
	}
	if !c.end.IsZero() {
		c.req.Timeout = max(time.Until(c.end), 1)
	}
	buf := wire.Alloc(sizeHint(c.req))
	frame, err := c.protocol.AppendRequest(buf[:0], mc.VID(), c.req)
	if err != nil {
		wire.Free(buf)
		return c.fail(codeOf(err, CodeEncode), verdict.Caller, verdict.NotSent, err)
	}
	c.called, c.tag = c.req.Method, c.req.Tag
	c.req.free()
	size := len(frame)
	if w, ok := mc.(muxpool.OwnedWriter); ok {
		err = w.WriteOwned(frame)
	} else {
		err = mc.Write(frame)
		wire.Free(frame)
	}
	if !c.plain {
		c.sent.request = size
	}
	if err != nil {
		return c.failPool(true, err)
	}
	return nil
}

// sizeHint is a size that most protocols' frame for m fits into.
func sizeHint(m *Message) int {
	n := len(m.Body) + len(m.Method) + 64
	if len(m.Metadata) == 0 {
		return n
	}
	for name, value := range m.Metadata {
		n += len(name) + len(value) + 8
	}
	return n
}

// read takes the answer: the frames for this id up to the last.
func (c *clientCall) read(mc muxpool.MuxConn) error {
	limits, _ := mc.(muxpool.Limiter)
	size := 0
	for more := true; more; {
		frame, err := mc.Read()
		if err != nil {
			if code := codeOf(err, CodeConnection); code == CodeDeadlineExceeded || code == CodeCanceled {
				c.tellLeft(mc)
			}
			return c.failPool(true, err)
		}
		if c.resp == nil {
			c.resp = newMessage()
			c.resp.Method, c.resp.Tag, c.resp.Session = c.called, c.tag, c.session
			if limits != nil {
				c.resp.most = limits.MaxFrameSize()
			}
		}
		if size += len(frame); size > len(frame) && limits != nil && size > limits.MaxAnswerSize() {
			c.tellLeft(mc)
			return c.failPool(true, fmt.Errorf("%w: an answer of %d bytes or more in several frames, at most %d are allowed (WithMaxAnswerSize)",
				muxpool.ErrFrameTooLarge, size, limits.MaxAnswerSize()))
		}
		if !c.plain {
			c.sent.response += len(frame)
		}
		more = c.kinds != nil && c.kinds.ClassifyFrame(mc.VID(), frame) == muxpool.FrameMore
		if g, ok := mc.(muxpool.Gatherer); ok && more && size == len(frame) {
			g.Gather()
		}
		if !more && c.resp.Body == nil {
			c.resp.frame = frame
		}
		err = c.protocol.ParseResponse(frame, c.resp)
		if l, ok := mc.(muxpool.GoingAwayer); ok && c.resp.GoingAway {
			l.GoingAway()
		}
		if err == nil && c.resp.Err == nil {
			continue
		}
		if !c.noteError(err) {
			return c.fail(CodeBadResponse, verdict.Method, verdict.Maybe, err)
		}
	}
	c.bulk.answered(size)
	return nil
}

// noteError notes the error answer that ParseResponse returned as err, or set instead: that
// is no good answer either. It reports false if err is none. The plug-in may use its
// *Error for many answers.
func (c *clientCall) noteError(err error) bool {
	said := c.resp.Err
	if err != nil && !errors.As(err, &said) {
		return false
	}
	failure := *said
	failure.Remote, failure.Node, failure.Method = true, c.node, c.method
	failure.readWords(c.resp.Metadata)
	c.failure, c.resp.Err = &failure, &failure
	return true
}
