package transport

import (
	"context"
	"runtime/debug"
)

// serve runs one call: it makes resp of req, and returns the context as the last
// hook left it, and the error that is answered.
func (s *Server) serve(ctx context.Context, req, resp *Message) (context.Context, error) {
	ctx, ran, err := s.run(ctx, req, resp)
	if err != nil {
		err = s.answerError(ctx, err, ran, resp)
	}
	return ctx, err
}

// run is the order of a call. It reports whether the endpoint was called.
func (s *Server) run(in context.Context, req, resp *Message) (ctx context.Context, ran bool, err error) {
	ctx = in
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
			ran = ran && s.hasRun(in)
		}
	}()
	for _, f := range s.before {
		md := req.Metadata
		ctx = f(ctx, req)
		req.keep(md)
	}
	request, err := s.dec(ctx, req)
	if err != nil {
		return ctx, false, asInvalid(err)
	}
	req.recycle()
	ran = true
	response, err := s.e(ctx, request)
	if err != nil {
		return ctx, s.hasRun(in), err
	}
	for _, f := range s.after {
		md := resp.Metadata
		ctx = f(ctx, resp)
		resp.keep(md)
	}
	md := resp.Metadata
	if err := s.enc(ctx, resp, response); err != nil {
		return ctx, true, asInternal(err)
	}
	resp.keep(md)
	if err := failureOf(response); err != nil {
		md := resp.Metadata
		s.errorEncoder(ctx, businessError(err), resp)
		resp.keep(md)
		resp.stamp(true)
	}
	return ctx, true, nil
}

// answerError makes the answer of a call that failed. It returns what failed, or the panic
// of the error encoder.
func (s *Server) answerError(ctx context.Context, cause error, ran bool, resp *Message) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
			resp.Body, resp.Err = nil, answerOf(err)
		}
		resp.stamp(ran)
	}()
	resp.Body, resp.Err = nil, nil
	md := resp.Metadata
	s.errorEncoder(ctx, cause, resp)
	resp.keep(md)
	return cause
}

// stamp puts the transport's mark on an error answer: whether the call was run. The
// Error may be one that the endpoint uses for many answers.
func (m *Message) stamp(ran bool) {
	if m.Err != nil && m.Err.NotRun == ran {
		e := *m.Err
		e.NotRun = !ran
		m.Err = &e
	}
}

// finalize runs the finalizers, also those behind one that panics, which goes to the error
// handler, or ends the goroutine.
func (s *Server) finalize(ctx context.Context, err error) { s.finalizeFrom(0, ctx, err) }

func (s *Server) finalizeFrom(i int, ctx context.Context, err error) {
	if i < len(s.finalizer) {
		defer s.finalizeFrom(i+1, ctx, err)
		defer s.recovered(ctx)
		s.finalizer[i](ctx, err)
	}
}

// recovered is deferred: it hands a panic to the error handler. If that panics
// too, nobody is left to tell.
func (s *Server) recovered(ctx context.Context) {
	if v := recover(); v != nil {
		s.report(ctx, &PanicError{Value: v, Stack: debug.Stack()})
	}
}

func (s *Server) report(ctx context.Context, err error) {
	defer func() { _ = recover() }()
	s.errorHandler.Handle(ctx, err)
}
