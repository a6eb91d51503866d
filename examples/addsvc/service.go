// Package addsvc is go-kit's example of a service that adds things
// (github.com/go-kit/examples/addsvc), with its messages. It is served and called twice, by
// go-kit's gRPC transport and by muxkit:
//
//	go run -C examples/addsvc ./before
//	go run -C examples/addsvc ./after
//
// This package, with the service, its endpoints and what goes between them and the messages of pb, is the
// same for both. docs/from-gokit-grpc.md goes from the one to the other.
package addsvc

import (
	"context"
	"errors"
	"math"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Service adds.
type Service interface {
	Sum(ctx context.Context, a, b int64) (int64, error)
	Concat(ctx context.Context, a, b string) (string, error)
}

// What the service says no with.
var (
	ErrTwoZeroes       = errors.New("can't sum two zeroes")
	ErrMaxSizeExceeded = errors.New("result exceeds maximum size")
)

// ErrOverflow is no answer: a call that asks for that ends with this status.
var ErrOverflow = status.Error(codes.OutOfRange, "integer overflow")

// New returns a Service.
func New() Service { return service{} }

type service struct{}

func (service) Sum(_ context.Context, a, b int64) (int64, error) {
	switch {
	case a == 0 && b == 0:
		return 0, ErrTwoZeroes
	case b > 0 && a > math.MaxInt64-b, b < 0 && a < math.MinInt64-b:
		return 0, ErrOverflow
	}
	return a + b, nil
}

func (service) Concat(_ context.Context, a, b string) (string, error) {
	if len(a)+len(b) > 10 {
		return "", ErrMaxSizeExceeded
	}
	return a + b, nil
}
