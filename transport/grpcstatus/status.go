// Package grpcstatus translates between muxkit's judgement of errors and gRPC's
// statuses, for services that stand in both worlds: a gateway that serves go-kit's gRPC
// transport and calls others over muxkit, or the other way round. It is a module of its
// own, so that the root module does not require gRPC.
//
//	server := kitgrpc.NewServer(grpcstatus.Middleware(sum), decode, encode)  // errors leave as statuses
//	sum = muxendpoint.Judging(grpcstatus.Rule)(kitgrpc.NewClient(...).Endpoint()) // statuses are understood
package grpcstatus

import (
	"context"
	"errors"

	"github.com/go-kit/kit/endpoint"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Of returns the status that says what err means: the code of its verdict, which has
// gRPC's number, its text, and a RetryInfo if it says when to come back. What gRPC has
// no code for becomes its neighbour: business FailedPrecondition, too large
// InvalidArgument, the codes of a client's own by whether they speak of a connection. An error
// that is a gRPC status already stays as it is; nil is OK.
func Of(err error) *status.Status {
	var own interface{ GRPCStatus() *status.Status }
	if err == nil || errors.As(err, &own) {
		return status.Convert(err)
	}
	v := verdict.Of(err)
	s := status.New(codeOf(v), err.Error())
	if v.RetryAfter > 0 {
		if with, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(v.RetryAfter)}); err == nil {
			return with
		}
	}
	return s
}

// codeOf is the code of a verdict, in gRPC's seventeen.
func codeOf(v verdict.Verdict) codes.Code {
	switch {
	case v.Code >= verdict.CodeCanceled && v.Code <= verdict.CodeUnauthenticated:
		return codes.Code(v.Code)
	case v.Code == verdict.CodeBusiness:
		return codes.FailedPrecondition
	case v.Code == verdict.CodeTooLarge:
		return codes.InvalidArgument
	case v.Code == verdict.CodeConnection:
		return codes.Unavailable
	case v.Code >= 192: // the gateway itself is wrong
		return codes.Internal
	}
	switch v.Whose { // a code of a newer peer, by its class
	case verdict.Caller:
		return codes.InvalidArgument
	case verdict.Overload:
		return codes.ResourceExhausted
	case verdict.Node:
		return codes.Unavailable
	}
	return codes.Unknown
}

// Error is an error with its gRPC status, as gRPC's servers ask for it.
type Error struct {
	Err    error // never nil
	status *status.Status
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// GRPCStatus returns the status of Err: see Of.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Middleware gives each error of an endpoint its gRPC status. It is for the endpoint
// of a go-kit gRPC server.
func Middleware(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		response, err := next(ctx, request)
		if err != nil {
			err = &Error{err, Of(err)}
		}
		return response, err
	}
}

// Rule is a verdict.Rule that understands gRPC's statuses: the code counts as muxkit's
// of the same number, and a RetryInfo says when to come back. Whether the call was run
// no status says.
func Rule(err error) (verdict.Verdict, bool) {
	var own interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &own) {
		return verdict.Verdict{}, false
	}
	s := own.GRPCStatus()
	if s.Code() == codes.OK {
		return verdict.Verdict{}, false
	}
	v := verdict.ByCode(verdict.Code(min(s.Code(), 191)))
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			v.RetryAfter = max(info.GetRetryDelay().AsDuration(), 0)
		}
	}
	return v, true
}
