package transport

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// ServiceObserver is told of each call of a Service: traces and metrics of all methods,
// and of calls that no Server gets, such as those of unknown methods and those that a
// limit refuses. It runs before the call does, on its goroutine, or, of a call that is
// refused or inline, on the one that reads the connection: it must not block. The context
// that it returns, which must be derived from ctx, is that of the call; nil leaves it.
//
// ended, if it is not nil, is called once: with the answer, when it was handed to the
// connection or could not be, and for one-way calls as well; with nil if nothing was
// answered, since the protocol's code ended its goroutine. It may read Err, Metadata and
// the length of Body, and must not keep or change the Message.
//
// A panic goes to the ServiceErrorHandler, and the call goes on.
type ServiceObserver func(ctx context.Context, call ObservedCall) (_ context.Context, ended func(answer *Message))

// ObservedCall is what a ServiceObserver is told of a call at its beginning.
type ObservedCall struct {
	Method   string    // as the client wrote it; empty if its request could not be read
	Known    bool      // a Server was given to Handle for it
	Metadata Metadata  // of the request; not to be changed or kept
	Arrived  time.Time // when its frame was read
}

// ServiceObserve adds observers; the first one is told first, and its context is the
// outermost. Default: none.
func ServiceObserve(observers ...ServiceObserver) ServiceOption {
	return func(o *serviceOptions) {
		for _, f := range observers {
			if f == nil {
				o.invalid = append(o.invalid, fmt.Errorf("%w: ServiceObserve: a nil ServiceObserver", ErrInvalidOption))
				continue
			}
			o.observers = append(o.observers, f)
		}
	}
}

// observe tells the observers that the call begins. It returns the context to run it with,
// and what tells them that it has ended.
func (s *Service) observe(call *serverCall) (ctx context.Context, ended func(answer *Message)) {
	ctx = call.requestContext
	if len(s.observers) == 0 {
		return ctx, notObserved
	}
	told := make([]func(*Message), 0, len(s.observers))
	returned := false
	defer func() {
		if call.orEnd(returned); !returned { // an observer has ended the goroutine, and the call with it
			s.observed(call, told, nil)
		}
	}()
	about := ObservedCall{Method: call.method, Known: call.server != nil, Metadata: call.req.Metadata, Arrived: call.arrived}
	for _, f := range s.observers {
		s.contain(call, func() {
			in, end := f(ctx, about)
			if in != nil {
				ctx = in
			}
			if end != nil {
				told = append(told, end)
			}
		})
	}
	returned = true
	return ctx, func(answer *Message) { s.observed(call, told, answer) }
}

// observed tells the observers that the call has ended, the last one first, and all of them also if
// one ends the goroutine.
func (s *Service) observed(call *serverCall, told []func(*Message), answer *Message) {
	if last := len(told) - 1; last >= 0 {
		defer s.observed(call, told[:last], answer)
		s.contain(call, func() { told[last](answer) })
	}
}

func notObserved(*Message) {}

// contain calls f, which is an observer's, and reports its panic.
func (s *Service) contain(call *serverCall, f func()) {
	defer func() {
		if v := recover(); v != nil {
			s.reports.report(call.requestContext, &PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	f()
}

// answerSent is the answer of a call that has run, nil if none was made: an error's own
// methods, or an error handler, may have ended it.
func (c *serverCall) answerSent() *Message {
	if c.outcome == outcomeNone {
		return nil
	}
	return &c.resp
}
