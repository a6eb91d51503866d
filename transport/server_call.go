package transport

import (
	"context"
	"runtime/debug"
)

// serve runs one call: it makes resp of req, and returns the context as the last
// hook left it, and the error that is answered.
func (s *Server) serve(ctx context.Context, req, resp *Message) (context.Context, error) {
	ctx, err := s.try(ctx, req, resp)
	if err != nil {
		err = s.refuse(ctx, err, resp)
	}
	return ctx, err
}

// try is the order of a call.
func (s *Server) try(in context.Context, req, resp *Message) (ctx context.Context, err error) {
	ctx = in
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	for _, f := range s.before {
		md := req.Metadata
		ctx = f(ctx, req)
		req.keep(md)
	}
	request, err := s.dec(ctx, req)
	if err != nil {
		return ctx, asBadRequest(err)
	}
	req.recycle()
	response, err := s.e(ctx, request)
	if err != nil {
		return ctx, err
	}
	for _, f := range s.after {
		md := resp.Metadata
		ctx = f(ctx, resp)
		resp.keep(md)
	}
	md := resp.Metadata
	if err := s.enc(ctx, resp, response); err != nil {
		return ctx, asInternal(err)
	}
	resp.keep(md)
	if err := failed(response); err != nil {
		md := resp.Metadata
		s.errorEncoder(ctx, businessError(err), resp)
		resp.keep(md)
	}
	return ctx, nil
}

// refuse makes the answer of a call that failed. It returns what failed, a panic
// of its own included.
func (s *Server) refuse(ctx context.Context, cause error, resp *Message) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
			resp.Body, resp.Err = nil, answerOf(err)
		}
	}()
	resp.Body, resp.Err = nil, nil
	md := resp.Metadata
	s.errorEncoder(ctx, cause, resp)
	resp.keep(md)
	s.errorHandler.Handle(ctx, cause)
	return cause
}

// finalize runs the finalizers; a panic in one of them goes to the error handler.
func (s *Server) finalize(ctx context.Context, err error) {
	for _, f := range s.finalizer {
		s.finalizeOne(f, ctx, err)
	}
}

func (s *Server) finalizeOne(f ServerFinalizerFunc, ctx context.Context, err error) {
	defer s.recovered(ctx)
	f(ctx, err)
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
