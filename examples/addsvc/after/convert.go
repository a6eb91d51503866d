package main

import (
	"context"

	"google.golang.org/protobuf/proto"

	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/protobuf"
)

// convert is a function of go-kit's gRPC transport, between messages and what endpoints have.
type convert = func(ctx context.Context, value any) (any, error)

// decode reads a message of type T and converts it.
func decode[T proto.Message](to convert) func(context.Context, *muxtransport.Message) (any, error) {
	return func(ctx context.Context, m *muxtransport.Message) (any, error) {
		message, err := protobuf.Decode[T](ctx, m)
		if err != nil {
			return nil, err
		}
		return to(ctx, message)
	}
}

// encode converts to a message, and writes it.
func encode(from convert) func(context.Context, *muxtransport.Message, any) error {
	return func(ctx context.Context, m *muxtransport.Message, value any) error {
		message, err := from(ctx, value)
		if err != nil {
			return err
		}
		return protobuf.Encode(ctx, m, message)
	}
}
