// Package protobuf has codecs of package transport for protocol buffers. It is a
// module of its own, so that the root module does not require protobuf.
package protobuf

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/muxkit/muxkit/transport"
)

// Encode is an EncodeRequestFunc and an EncodeResponseFunc for values that are
// proto.Messages.
func Encode(_ context.Context, m *transport.Message, value any) error {
	message, ok := value.(proto.Message)
	if !ok {
		return fmt.Errorf("protobuf: Encode got a %T, which is no proto.Message", value)
	}
	body := m.AllocBody(proto.Size(message))
	b, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(body[:0], message)
	if err != nil {
		return err
	}
	m.Body = b
	return nil
}

// Decode is a DecodeRequestFunc and a DecodeResponseFunc: it decodes the body into a
// new message of type T, as in Decode[*pb.SumRequest], and returns that.
func Decode[T proto.Message](_ context.Context, m *transport.Message) (any, error) {
	var zero T
	message := zero.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(m.Body, message); err != nil {
		return nil, err
	}
	m.ReleaseBody() // proto.Unmarshal copies what it keeps
	return message, nil
}
