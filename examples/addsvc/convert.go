package addsvc

import (
	"context"
	"errors"

	"github.com/muxkit/muxkit/examples/addsvc/pb"
)

// The functions between the messages and what the endpoints have, as go-kit's gRPC transport takes
// them.

func DecodeSumRequest(_ context.Context, message any) (any, error) {
	m := message.(*pb.SumRequest)
	return SumRequest{m.A, m.B}, nil
}

func EncodeSumRequest(_ context.Context, request any) (any, error) {
	r := request.(SumRequest)
	return &pb.SumRequest{A: r.A, B: r.B}, nil
}

func DecodeSumResponse(_ context.Context, message any) (any, error) {
	m := message.(*pb.SumReply)
	return SumResponse{m.V, errorOf(m.Err)}, nil
}

func EncodeSumResponse(_ context.Context, response any) (any, error) {
	r := response.(SumResponse)
	return &pb.SumReply{V: r.V, Err: textOf(r.Err)}, nil
}

func DecodeConcatRequest(_ context.Context, message any) (any, error) {
	m := message.(*pb.ConcatRequest)
	return ConcatRequest{m.A, m.B}, nil
}

func EncodeConcatRequest(_ context.Context, request any) (any, error) {
	r := request.(ConcatRequest)
	return &pb.ConcatRequest{A: r.A, B: r.B}, nil
}

func DecodeConcatResponse(_ context.Context, message any) (any, error) {
	m := message.(*pb.ConcatReply)
	return ConcatResponse{m.V, errorOf(m.Err)}, nil
}

func EncodeConcatResponse(_ context.Context, response any) (any, error) {
	r := response.(ConcatResponse)
	return &pb.ConcatReply{V: r.V, Err: textOf(r.Err)}, nil
}

// errorOf returns the error that the service returned, by its text.
func errorOf(text string) error {
	switch text {
	case "":
		return nil
	case ErrTwoZeroes.Error():
		return ErrTwoZeroes
	case ErrMaxSizeExceeded.Error():
		return ErrMaxSizeExceeded
	}
	return errors.New(text)
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
