package endpoint

import (
	"context"
	"fmt"

	"github.com/go-kit/kit/endpoint"
)

// ErrType: a request or an answer does not have the type that its endpoint was
// declared with. The text names both types.
var ErrType error = &sentinel{"muxendpoint: wrong type", broken}

// Typed is an endpoint whose request and answer have types. It costs one type
// assertion a call.
type Typed[Req, Resp any] func(ctx context.Context, request Req) (Resp, error)

// TypedFrom gives ep types. An answer of another type is an error that wraps
// ErrType; nil is an answer of any Resp that is an interface type. An answer that
// is an endpoint.Failer is an answer: ask its Failed method.
func TypedFrom[Req, Resp any](ep endpoint.Endpoint) Typed[Req, Resp] {
	return func(ctx context.Context, request Req) (Resp, error) {
		var none Resp
		if ep == nil {
			return none, fmt.Errorf("%w: TypedFrom got a nil endpoint", ErrInvalidOption)
		}
		response, err := ep(ctx, request)
		if err != nil {
			return none, err
		}
		if r, ok := response.(Resp); ok {
			return r, nil
		}
		if response == nil && isInterface[Resp]() {
			return none, nil
		}
		return none, fmt.Errorf("%w: the answer is a %T, not a %s", ErrType, response, nameOf[Resp]())
	}
}

// Endpoint is t without its types. A request of another type is an error that
// wraps ErrType.
func (t Typed[Req, Resp]) Endpoint() endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		r, ok := request.(Req)
		if !ok && !(request == nil && isInterface[Req]()) {
			return nil, fmt.Errorf("%w: the request is a %T, not a %s", ErrType, request, nameOf[Req]())
		}
		return t(ctx, r)
	}
}

// isInterface reports whether T is an interface type: only their zero values
// are nil as an any.
func isInterface[T any]() bool {
	var zero T
	return any(zero) == nil
}

// nameOf is the name of T, an interface type or not.
func nameOf[T any]() string {
	return fmt.Sprintf("%T", (*T)(nil))[1:]
}
