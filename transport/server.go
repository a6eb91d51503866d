package transport

import (
	"context"

	"github.com/go-kit/kit/endpoint"
	kittransport "github.com/go-kit/kit/transport"
	"github.com/go-kit/log"
)

// Server wraps an endpoint for the methods of a Service. It is safe for concurrent
// use, and may serve several methods and Services.
type Server struct {
	e            endpoint.Endpoint
	dec          DecodeRequestFunc
	enc          EncodeResponseFunc
	before       []RequestFunc
	after        []ServerResponseFunc
	errorEncoder ErrorEncoder
	errorHandler kittransport.ErrorHandler
	finalizer    []ServerFinalizerFunc
	middlewares  []endpoint.Middleware
	inline       bool
	apart        bool // its calls wait for long, and take no worker's place
	nilOption    bool

	request, answer *TypeDescription // of ServerTypes
}

// NewServer returns a Server of the endpoint. The order of a call is
// Before -> decode -> endpoint -> After -> encode -> Finalizer.
//
// A panic in a hook, a codec or the endpoint fails that call only: the client gets
// CodeInternal and nothing of the panic, the ErrorHandler a *PanicError with the
// stack.
//
// A response that is an endpoint.Failer and has failed is encoded as any other,
// and the answer is marked as an error of the business besides, where the
// protocol can (see ErrorEncoder).
func NewServer(e endpoint.Endpoint, dec DecodeRequestFunc, enc EncodeResponseFunc, options ...ServerOption) *Server {
	s := &Server{
		e:            e,
		dec:          dec,
		enc:          enc,
		errorEncoder: DefaultErrorEncoder,
		errorHandler: kittransport.NewLogErrorHandler(log.NewNopLogger()),
	}
	for _, option := range options {
		if option == nil {
			s.nilOption = true
			continue
		}
		option(s)
	}
	s.surround()
	return s
}

// hasNil reports whether an option or a hook is nil: Handle refuses the Server then.
func (s *Server) hasNil() bool {
	return s.nilOption || hasNil(s.before) || hasNil(s.after) || hasNil(s.finalizer)
}

// ServerOption sets an optional parameter for servers.
type ServerOption func(*Server)

// ServerBefore adds functions that run on the request before it is decoded, in the
// order given.
func ServerBefore(before ...RequestFunc) ServerOption {
	return func(s *Server) { s.before = append(s.before, before...) }
}

// ServerAfter adds functions that run on the answer after the endpoint returned
// without an error, before the answer is encoded, in the order given.
func ServerAfter(after ...ServerResponseFunc) ServerOption {
	return func(s *Server) { s.after = append(s.after, after...) }
}

// ServerErrorEncoder sets the function that makes the answer of a call that
// failed. Default DefaultErrorEncoder.
func ServerErrorEncoder(ee ErrorEncoder) ServerOption {
	return func(s *Server) { s.errorEncoder = ee }
}

// ServerErrorHandler sets who hears of errors, for diagnosis: those of codecs and
// endpoints, panics, and answers that could not be sent. Of calls that are refused before
// any of those has run the ServiceErrorHandler hears. By default nobody does.
func ServerErrorHandler(h kittransport.ErrorHandler) ServerOption {
	return func(s *Server) { s.errorHandler = h }
}

// ServerFinalizer adds functions that run at the end of every call, in the order
// given, in whatever way it ends.
func ServerFinalizer(f ...ServerFinalizerFunc) ServerOption {
	return func(s *Server) { s.finalizer = append(s.finalizer, f...) }
}

// ServerInline runs the calls of this Server on the goroutine that reads the
// connection: the fastest way, for endpoints that never block, since nothing else
// is read meanwhile, not even the cancellation of the call. Default: a goroutine
// for every call, or the workers of ServiceWorkers.
func ServerInline() ServerOption {
	return func(s *Server) { s.inline = true }
}

// ErrorEncoder makes the answer of a call that failed with err. It may set
// resp.Err, or make an ordinary answer by setting resp.Body, or both. It is also
// called for a response that has Failed, encoded already, with an *Error of
// CodeBusiness that wraps what Failed returned.
type ErrorEncoder func(ctx context.Context, err error, resp *Message)

// DefaultErrorEncoder sets resp.Err to what err says of itself: an *Error that the
// endpoint made as it is; otherwise the code of its verdict (see verdict.Of) with err's
// text. The number of a StatusCode method is Status, and, from 400 to 599, a code too. A
// panic is CodeInternal, without its text.
//
// What a call from here to elsewhere ended with is answered by its verdict, as the
// caller of this server sees it: its own fault, an overload and the business's no as
// they are; a node that could not be reached as CodeUnavailable; a method that is missing
// there as CodeInternal. That a call was not run never passes on.
func DefaultErrorEncoder(_ context.Context, err error, resp *Message) {
	resp.Err = answerOf(err)
}
