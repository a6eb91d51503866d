package addsvc

import (
	"context"

	"github.com/go-kit/kit/endpoint"
)

// SumRequest is the request of Sum.
type SumRequest struct {
	A int `json:"a"`
	B int `json:"b"`
}

// SumResponse is the answer of Sum.
type SumResponse struct {
	V   int    `json:"v"`
	Err string `json:"err,omitempty"`
}

// ConcatRequest is the request of Concat.
type ConcatRequest struct {
	A string `json:"a"`
	B string `json:"b"`
}

// ConcatResponse is the answer of Concat.
type ConcatResponse struct {
	V   string `json:"v"`
	Err string `json:"err,omitempty"`
}

// Failed implements endpoint.Failer.
func (r SumResponse) Failed() error { return refusal(r.Err) }

// Failed implements endpoint.Failer.
func (r ConcatResponse) Failed() error { return refusal(r.Err) }

// Endpoints are the service's methods as endpoints.
type Endpoints struct {
	Sum    endpoint.Endpoint
	Concat endpoint.Endpoint
}

// NewEndpoints returns the endpoints of s.
func NewEndpoints(s Service) Endpoints {
	return Endpoints{Sum: makeSum(s), Concat: makeConcat(s)}
}

func makeSum(s Service) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		req := request.(SumRequest)
		v, err := s.Sum(ctx, req.A, req.B)
		return SumResponse{V: v, Err: text(err)}, nil
	}
}

func makeConcat(s Service) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		req := request.(ConcatRequest)
		v, err := s.Concat(ctx, req.A, req.B)
		return ConcatResponse{V: v, Err: text(err)}, nil
	}
}

// text and refusal carry the service's refusals through JSON.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func refusal(text string) error {
	for _, err := range []error{ErrOverflow, ErrTooLong} {
		if err.Error() == text {
			return err
		}
	}
	if text == "" {
		return nil
	}
	return &unknownRefusal{text}
}

// unknownRefusal is a refusal that a newer server has and this client does not.
type unknownRefusal struct{ text string }

func (e *unknownRefusal) Error() string { return e.text }
