package stringsvc

import (
	"context"
	"errors"

	"github.com/go-kit/kit/endpoint"
)

// UppercaseRequest is the request of Uppercase.
type UppercaseRequest struct {
	S string `json:"s"`
}

// UppercaseResponse is the answer of Uppercase.
type UppercaseResponse struct {
	V   string `json:"v"`
	Err string `json:"err,omitempty"` // errors do not survive JSON, so it is a string
}

// Failed implements endpoint.Failer: a refusal travels as an answer, and neither
// a breaker nor a retry takes it for a fault of the node.
func (r UppercaseResponse) Failed() error {
	switch r.Err {
	case "":
		return nil
	case ErrEmpty.Error():
		return ErrEmpty
	}
	return errors.New(r.Err)
}

// CountRequest is the request of Count.
type CountRequest struct {
	S string `json:"s"`
}

// CountResponse is the answer of Count.
type CountResponse struct {
	V int `json:"v"`
}

// MakeUppercaseEndpoint returns the endpoint of Uppercase.
func MakeUppercaseEndpoint(svc Service) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		v, err := svc.Uppercase(ctx, request.(UppercaseRequest).S)
		if err != nil {
			return UppercaseResponse{Err: err.Error()}, nil
		}
		return UppercaseResponse{V: v}, nil
	}
}

// MakeCountEndpoint returns the endpoint of Count.
func MakeCountEndpoint(svc Service) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		return CountResponse{V: svc.Count(ctx, request.(CountRequest).S)}, nil
	}
}
