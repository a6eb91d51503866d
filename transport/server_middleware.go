package transport

import (
	"context"

	"github.com/go-kit/kit/endpoint"
)

// ServerMiddleware puts middlewares around the endpoint, the first one outermost: rate
// limits, authentication, whatever may turn a call away. It is the place for them: of a
// call that none of them let through the answer says that it was not run (Error.NotRun),
// so that the client may try it elsewhere whatever the request does. Of those that
// are around the endpoint when NewServer gets it, nobody here can tell.
//
// They must pass on the context that they get, or one derived from it: a call whose
// context is lost is not run and answered with CodeInternal.
func ServerMiddleware(middlewares ...endpoint.Middleware) ServerOption {
	return func(s *Server) { s.middlewares = append(s.middlewares, middlewares...) }
}

var errContextLost = &Error{Code: CodeInternal, Message: "a middleware of ServerMiddleware did not pass on its context"}

// surround puts the middlewares around the endpoint.
func (s *Server) surround() {
	if len(s.middlewares) == 0 || s.e == nil {
		return
	}
	inner := s.e
	s.e = func(ctx context.Context, request any) (any, error) {
		call, ok := ctx.Value(contextKeyCall).(*requestContext)
		if !ok {
			return nil, errContextLost
		}
		if !call.run.CompareAndSwap(runOpen, runBegun) && call.run.Load() == runSealed {
			return nil, errSealed
		}
		return inner(ctx, request)
	}
	for i := len(s.middlewares) - 1; i >= 0; i-- {
		if s.middlewares[i] == nil {
			s.nilOption = true
			return
		}
		s.e = s.middlewares[i](s.e)
	}
}

// hasRun reports whether a call whose endpoint has returned, or panicked, was run. One
// that was not is not run any more: what is answered is a promise, whatever a middleware
// that has answered still does with the call.
func (s *Server) hasRun(ctx context.Context) bool {
	if len(s.middlewares) == 0 {
		return true
	}
	call, ok := ctx.Value(contextKeyCall).(*requestContext)
	return !ok || !call.run.CompareAndSwap(runOpen, runSealed) && call.run.Load() == runBegun
}

// Whether a call under ServerMiddleware is run.
const (
	runOpen   = iota // nobody knows yet
	runBegun         // the endpoint was called
	runSealed        // it was answered that it was not, and will not be
)

var errSealed = &Error{Code: CodeCanceled, Message: "the call has been answered: it was not run"}
