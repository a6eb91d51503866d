package transport

import "context"

// RequestFunc may take information from a request or put some into it, and into
// the context. On a client they run before the request is sent, on a server
// before it is decoded.
type RequestFunc func(context.Context, *Message) context.Context

// ClientResponseFunc may take information from an answer and put it into the
// context, before the answer is decoded. It runs for error answers too.
type ClientResponseFunc func(context.Context, *Message) context.Context

// ServerResponseFunc may put information into an answer, before its body is
// encoded.
type ServerResponseFunc func(context.Context, *Message) context.Context

// ClientFinalizerFunc runs at the end of every call, in whatever way it ends,
// with its error, if it failed.
type ClientFinalizerFunc func(ctx context.Context, err error)

// ServerFinalizerFunc runs at the end of every call of a server, after the answer
// was handed to the connection, with the error that was answered, if any.
type ServerFinalizerFunc func(ctx context.Context, err error)

// SetRequestMetadata returns a RequestFunc that sets one pair of metadata.
func SetRequestMetadata(name, value string) RequestFunc {
	return func(ctx context.Context, m *Message) context.Context {
		m.Set(name, value)
		return ctx
	}
}

// SetResponseMetadata returns a ServerResponseFunc that sets one pair of metadata.
func SetResponseMetadata(name, value string) ServerResponseFunc {
	return func(ctx context.Context, m *Message) context.Context {
		m.Set(name, value)
		return ctx
	}
}

// hasNil reports whether one of the hooks is nil.
func hasNil[F ~func(context.Context, *Message) context.Context | ~func(context.Context, error)](hooks []F) bool {
	for _, f := range hooks {
		if f == nil {
			return true
		}
	}
	return false
}
