package transport

import (
	"context"
	"errors"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// clientCall is one call. It stays on the stack: what a hook or a codec may keep is in
// clientContexts, what they see of the request and of the answer in the Messages, each
// of which is the call's only while the request is made, or the answer read.
type clientCall struct {
	*Client
	*clientContexts // nil if the Client is plain

	ctx     context.Context // as the last hook returned it
	req     *Message        // until it is written
	resp    *Message        // once it is read
	called  string          // the request's method, as the hooks left it
	tag     any             // and its Tag, as the protocol left it
	session any             // of the connection
	limit   time.Duration   // the time for the call, before hooks saw it; 0: none, or nobody sees it
	end     time.Time       // when it is over; zero: never
	failure *Error          // the error answer
}

// clientContexts are the contexts of a call, in one allocation.
type clientContexts struct {
	begin callContext
	sent  sentContext
}

func (c *Client) call(ctx context.Context, request any) (any, error) {
	call := clientCall{Client: c, ctx: ctx}
	if !c.plain {
		call.clientContexts = &clientContexts{begin: callContext{ctx, c}}
		call.ctx = &call.begin
	}
	if len(c.finalizer) > 0 {
		return call.finalized(request)
	}
	return call.run(request)
}

func (c *clientCall) finalized(request any) (response any, err error) {
	err = ErrPanicked // remains if run does not return
	defer func() {
		if c.sent.Context == nil {
			c.showSent()
		}
		c.finalizeFrom(0, err)
	}()
	response, err = c.run(request)
	return response, err
}

// finalizeFrom runs the finalizers from the i-th on, also those behind one that panics or ends
// the goroutine.
func (c *clientCall) finalizeFrom(i int, err error) {
	if i < len(c.finalizer) {
		defer c.finalizeFrom(i+1, err)
		c.finalizer[i](c.ctx, err)
	}
}

// run is the order of a call.
func (c *clientCall) run(request any) (any, error) {
	if len(c.invalid) > 0 {
		return nil, c.fail(CodeInvalid, verdict.Caller, verdict.NotSent, c.Err())
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
	if !c.plain {
		c.showSent()
	}
	for _, f := range c.after {
		c.ctx = f(c.ctx, c.resp)
	}
	return c.decode()
}

// encode makes the request: the codec's part, then the hooks'.
func (c *clientCall) encode(request any) error {
	c.setLimit()
	c.req = newMessage()
	c.req.Method, c.req.Timeout, c.req.OneWay = c.method, c.limit, c.oneWay
	if err := c.enc(c.ctx, c.req, request); err != nil {
		return c.failCodec(CodeEncode, verdict.Caller, verdict.NotSent, err)
	}
	for _, f := range c.before {
		md := c.req.Metadata
		c.ctx = f(c.ctx, c.req)
		c.req.keep(md)
	}
	c.writeWords()
	return nil
}

// setLimit finds when the call must be over and, if somebody sees that before the
// request is made, how long it may take. Where the context says when, the clock is
// read only for that, and only the half of it that is cheap.
func (c *clientCall) setLimit() {
	deadline, ok := c.ctx.Deadline()
	switch {
	case c.timeout > 0:
		now := time.Now()
		c.limit, c.end = c.timeout, now.Add(c.timeout)
		if left := deadline.Sub(now); ok && left < c.limit {
			c.limit, c.end = max(left, 1), deadline
		}
	case ok && c.plain:
		c.end = deadline
	case ok:
		c.limit, c.end = max(time.Until(deadline), 1), deadline
	}
}

// showSent makes what is known of the exchange visible in the context.
func (c *clientCall) showSent() {
	c.sent.Context = c.ctx
	c.ctx = &c.sent
}

// decode makes the response, or the error that an error answer stands for.
func (c *clientCall) decode() (any, error) {
	defer c.resp.free()
	if c.failure != nil {
		return c.errorAnswer()
	}
	response, err := c.dec(c.ctx, c.resp)
	if err != nil {
		return nil, c.failCodec(CodeBadResponse, verdict.Method, verdict.Yes, err)
	}
	return response, nil
}

// errorAnswer turns an error answer into what the endpoint returns.
func (c *clientCall) errorAnswer() (any, error) {
	if c.failure.Business() && len(c.resp.Body) > 0 {
		response, err := c.dec(c.ctx, c.resp)
		if err == nil && failureOf(response) != nil {
			return response, nil
		}
	}
	return nil, c.failure
}

// fail makes the error of a call that failed on this side: of the cause whose says
// that it is, in a call that ran says has been run.
func (c *clientCall) fail(code Code, whose verdict.Whose, ran verdict.Ran, err error) error {
	return &Error{Code: code, Node: c.node, Method: c.method, Err: err, found: &finding{whose, ran}}
}

// failCodec is fail for a codec, which chooses the code by returning an *Error of its
// own; one that a call to elsewhere ended with is no choice.
func (c *clientCall) failCodec(code Code, whose verdict.Whose, ran verdict.Ran, err error) error {
	e := c.fail(code, whose, ran, err).(*Error)
	if own := chosen(err); own != nil {
		e.Code, e.Status = own.Code, own.Status
	}
	return e
}

// failPool is fail for an error of the pool, which says all that is known. Whether the
// request was sent follows from how far the call had come: before it was written it was
// not, and once it was, only the pool's own error may say that it did not leave.
func (c *clientCall) failPool(wrote bool, err error) error {
	v := verdict.Of(err)
	var own *muxpool.Error
	switch {
	case !wrote:
		v.Ran = verdict.NotSent
	case v.Ran == verdict.NotSent && !errors.As(err, &own):
		v.Ran = verdict.Maybe
	}
	code := codeOf(err, CodeConnection)
	if v.Whose == verdict.Caller && (v.Code == CodeUnauthenticated || v.Code == CodePermissionDenied) {
		code = v.Code // the protocol's handshake says so
	}
	return c.fail(code, v.Whose, v.Ran, err)
}

// chosen returns the *Error that a codec or an endpoint made to choose an answer; nil
// if err is, or comes from, the error of a call to elsewhere.
func chosen(err error) *Error {
	own, ok := err.(*Error) // which all refusals are: a flood of calls is a flood of these
	if !ok {
		var first verdict.Teller
		if !errors.As(err, &first) {
			return nil
		}
		own, ok = first.(*Error)
	}
	if !ok || own.Remote || own.found != nil || own.Node != (Node{}) {
		return nil
	}
	return own
}
