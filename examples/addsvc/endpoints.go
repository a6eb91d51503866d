package addsvc

import (
	"context"
	"errors"

	"github.com/go-kit/kit/endpoint"
)

// What the endpoints are asked, and what they answer.
type (
	SumRequest  struct{ A, B int64 }
	SumResponse struct {
		V   int64
		Err error
	}
	ConcatRequest  struct{ A, B string }
	ConcatResponse struct {
		V   string
		Err error
	}
)

// Failed implements endpoint.Failer: a no of the service is an answer.
func (r SumResponse) Failed() error { return r.Err }

// Failed implements endpoint.Failer.
func (r ConcatResponse) Failed() error { return r.Err }

// Endpoints are the service as endpoints. A server is made of them; of those of a client they
// are a Service.
type Endpoints struct{ SumEndpoint, ConcatEndpoint endpoint.Endpoint }

// NewEndpoints returns the endpoints of a Service.
func NewEndpoints(s Service) Endpoints {
	return Endpoints{
		SumEndpoint: func(ctx context.Context, request any) (any, error) {
			r := request.(SumRequest)
			v, err := s.Sum(ctx, r.A, r.B)
			if err != nil && !errors.Is(err, ErrTwoZeroes) {
				return nil, err
			}
			return SumResponse{v, err}, nil
		},
		ConcatEndpoint: func(ctx context.Context, request any) (any, error) {
			r := request.(ConcatRequest)
			v, err := s.Concat(ctx, r.A, r.B)
			return ConcatResponse{v, err}, nil
		},
	}
}

// Sum implements Service.
func (e Endpoints) Sum(ctx context.Context, a, b int64) (int64, error) {
	response, err := e.SumEndpoint(ctx, SumRequest{a, b})
	if err != nil {
		return 0, err
	}
	return response.(SumResponse).V, response.(SumResponse).Err
}

// Concat implements Service.
func (e Endpoints) Concat(ctx context.Context, a, b string) (string, error) {
	response, err := e.ConcatEndpoint(ctx, ConcatRequest{a, b})
	if err != nil {
		return "", err
	}
	return response.(ConcatResponse).V, response.(ConcatResponse).Err
}

type requestIDKey struct{}

// WithRequestID returns a context of a request with an id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id of the context's request, empty if it has none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
