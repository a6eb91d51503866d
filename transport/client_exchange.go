package transport

import (
	"context"
	"errors"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// exchange sends the request and reads the answer. An error answer is no error
// here: see failure.
func (c *clientCall) exchange() error {
	ctx, opts := c.ctx, c.Client.opts
	own, _ := ctx.(*callContext)
	bare := own == &c.begin // nothing was put on top of the caller's context
	if bare && deadline.Of(c.begin.Context) != nil {
		ctx = c.begin.Context // which the pool knows to treat cheaply
	}
	if c.req.Timeout > 0 {
		if c.end.IsZero() {
			c.end = time.Now() // a hook set a limit where there was none
		}
		c.end = c.end.Add(c.req.Timeout - c.limit) // a hook may have changed it
		if c.req.Timeout != c.limit || c.limit == c.timeout || !bare && !endsBy(ctx, c.end) {
			opts.WithDeadline(c.end) // else the context's own deadline does it
		}
	}
	mc, err := c.pool.GetMuxConn(ctx, c.node.Network, c.node.Address, opts)
	if err != nil {
		return c.fail(codeOf(err, CodeConnection), wasSent(err), err)
	}
	defer mc.Close()
	c.sent.local, c.sent.remote = mc.LocalAddr(), mc.RemoteAddr()
	if err := c.write(mc); err != nil || c.oneWay {
		return err
	}
	return c.read(mc)
}

// endsBy reports whether ctx ends at t by itself.
func endsBy(ctx context.Context, t time.Time) bool {
	d, ok := ctx.Deadline()
	return ok && !d.After(t)
}

func (c *clientCall) write(mc muxpool.MuxConn) error {
	if c.req.Timeout > 0 {
		c.req.Timeout = max(time.Until(c.end), 1)
	}
	buf := wire.Alloc(sizeHint(&c.req))
	frame, err := c.protocol.AppendRequest(buf[:0], mc.VID(), &c.req)
	if err != nil {
		wire.Free(buf)
		return c.fail(codeOf(err, CodeEncode), false, err)
	}
	c.sent.request = len(frame)
	if w, ok := mc.(ownedWriter); ok {
		err = w.WriteOwned(frame)
	} else {
		err = mc.Write(frame)
		wire.Free(frame)
	}
	if err != nil {
		return c.fail(codeOf(err, CodeConnection), wasSent(err), err)
	}
	return nil
}

// ownedWriter is what a MuxConn offers that can send a frame from wire.Alloc
// without copying it.
type ownedWriter interface {
	WriteOwned(frame []byte) error
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
	c.resp.Method = c.req.Method
	for more := true; more; {
		frame, err := mc.Read()
		if err != nil {
			code := codeOf(err, CodeConnection)
			if c.canceler != nil && (code == CodeTimeout || code == CodeCanceled) {
				c.cancel(mc)
			}
			return c.fail(code, wasSent(err), err)
		}
		c.sent.response += len(frame)
		more = c.kinds != nil && c.kinds.ClassifyFrame(mc.VID(), frame) == muxpool.FrameMore
		if !more && c.resp.Body == nil {
			c.resp.frame = frame
		}
		err = c.protocol.ParseResponse(frame, &c.resp)
		if err != nil && !errors.As(err, &c.failure) {
			return c.fail(CodeBadResponse, true, err)
		}
	}
	return nil
}

// lastWriter is what a MuxConn offers that can still send a frame when its
// context has ended: never waiting, dropping the frame if there is no space.
type lastWriter interface {
	CloseWith(frame []byte)
}

// cancel tells the server that nobody waits any more.
func (c *clientCall) cancel(mc muxpool.MuxConn) {
	frame := c.canceler.AppendCancel(nil, mc.VID())
	if w, ok := mc.(lastWriter); ok {
		w.CloseWith(frame)
		return
	}
	_ = mc.Write(frame) // the server learns of it from its own deadline otherwise
}
