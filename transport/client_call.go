package transport

import (
	"context"
	"errors"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// clientCall is one call, in a single allocation.
type clientCall struct {
	*Client
	ctx       context.Context // as the last hook returned it
	begin     callContext
	sent      sentContext
	req, resp Message
	started   time.Time     // set if limit is
	limit     time.Duration // the time for the call, before hooks saw it; 0: none
	failure   *Error        // the error answer
}

func (c *Client) call(ctx context.Context, request any) (any, error) {
	call := &clientCall{Client: c, begin: callContext{ctx, c.node, c.method}}
	call.ctx = &call.begin
	if len(c.finalizer) > 0 {
		return call.finalized(request)
	}
	return call.run(request)
}

func (c *clientCall) finalized(request any) (response any, err error) {
	err = ErrPanicked // remains if run does not return
	defer func() {
		if c.sent.Context == nil {
			c.enterSent()
		}
		for _, f := range c.finalizer {
			f(c.ctx, err)
		}
	}()
	response, err = c.run(request)
	return response, err
}

// run is the order of a call.
func (c *clientCall) run(request any) (any, error) {
	if len(c.invalid) > 0 {
		return nil, c.fail(CodeInvalid, false, c.Err())
	}
	if err := c.encode(request); err != nil {
		return nil, err
	}
	if err := c.exchange(); err != nil {
		return nil, err
	}
	if c.oneWay {
		return nil, nil
	}
	c.enterSent()
	for _, f := range c.after {
		c.ctx = f(c.ctx, &c.resp)
	}
	return c.decode()
}

// encode makes the request: the codec's part, then the hooks'.
func (c *clientCall) encode(request any) error {
	c.setLimit()
	c.req.Method, c.req.Timeout, c.req.OneWay = c.method, c.limit, c.oneWay
	if err := c.enc(c.ctx, &c.req, request); err != nil {
		return c.fail(CodeEncode, false, err)
	}
	for _, f := range c.before {
		md := c.req.Metadata
		c.ctx = f(c.ctx, &c.req)
		c.req.keep(md)
	}
	return nil
}

// setLimit finds how long the call may take.
func (c *clientCall) setLimit() {
	deadline, ok := c.ctx.Deadline()
	if !ok && c.timeout == 0 {
		return
	}
	c.started = time.Now()
	c.limit = c.timeout
	if left := deadline.Sub(c.started); ok && (c.limit == 0 || left < c.limit) {
		c.limit = max(left, 1)
	}
}

// exchange sends the request and reads the answer. An error answer is no error
// here: see failure.
func (c *clientCall) exchange() error {
	opts := c.Client.opts
	if c.req.Timeout > 0 {
		if c.started.IsZero() {
			c.started = time.Now() // a hook set a limit where there was none
		}
		if c.req.Timeout != c.limit || c.limit == c.timeout { // else the context's deadline does it
			opts.WithTimeout(max(c.req.Timeout-time.Since(c.started), 1))
		}
	}
	mc, err := c.pool.GetMuxConn(c.ctx, c.node.Network, c.node.Address, opts)
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

func (c *clientCall) write(mc muxpool.MuxConn) error {
	if c.req.Timeout > 0 {
		c.req.Timeout = max(c.req.Timeout-time.Since(c.started), 1)
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

// enterSent makes what is known of the exchange visible in the context.
func (c *clientCall) enterSent() {
	c.sent.Context = c.ctx
	c.ctx = &c.sent
}

// decode makes the response, or the error that an error answer stands for.
func (c *clientCall) decode() (any, error) {
	defer c.resp.recycle()
	if c.failure != nil {
		return c.refused()
	}
	response, err := c.dec(c.ctx, &c.resp)
	if err != nil {
		return nil, c.fail(CodeBadResponse, true, err)
	}
	return response, nil
}

// refused turns an error answer into what the endpoint returns.
func (c *clientCall) refused() (any, error) {
	if c.failure.Business() && len(c.resp.Body) > 0 {
		response, err := c.dec(c.ctx, &c.resp)
		if err == nil && failed(response) != nil {
			return response, nil
		}
	}
	e := *c.failure
	e.Remote, e.sent, e.Node, e.Method = true, true, c.node, c.method
	return nil, &e
}

// fail makes the error of a call that failed on this side. A codec chooses the
// code by returning an *Error of its own.
func (c *clientCall) fail(code Code, sent bool, err error) error {
	e := &Error{Code: code, Node: c.node, Method: c.method, Err: err, sent: sent}
	var own *Error
	if (code == CodeEncode || code == CodeBadResponse) && errors.As(err, &own) && !own.Remote {
		e.Code, e.Status = own.Code, own.Status
	}
	return e
}
