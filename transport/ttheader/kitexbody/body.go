// Package kitexbody makes bodies for transport/ttheader of the structs that Kitex's generator
// (thriftgo, with its fast codec) makes for the arguments and the result of a method, such as
// EchoArgs and EchoResult.
//
// The package starts no goroutines. Its functions are safe for concurrent use.
package kitexbody

import (
	"context"
	"fmt"

	"github.com/cloudwego/gopkg/protocol/thrift"

	"github.com/muxkit/muxkit/transport"
)

// Encode is a transport.EncodeRequestFunc and a transport.EncodeResponseFunc for values that
// are a thrift.FastCodec.
func Encode(_ context.Context, m *transport.Message, value any) error {
	s, ok := value.(thrift.FastCodec)
	if !ok {
		return fmt.Errorf("kitexbody: Encode got a %T, which is no thrift.FastCodec", value)
	}
	b := m.AllocBody(s.BLength())
	m.Body = b[:s.FastWriteNocopy(b, nil)]
	return nil
}

// Decode is a transport.DecodeRequestFunc and a transport.DecodeResponseFunc: it reads a body
// into a new T, and returns the *T, a generated struct. Bytes behind the struct are an error.
// The memory of the body is used again afterwards, as Kitex itself does: FastRead must copy what
// it keeps, and what thriftgo generates does.
func Decode[T any, P interface {
	*T
	thrift.FastCodec
}](_ context.Context, m *transport.Message) (any, error) {
	v := P(new(T))
	n, err := v.FastRead(m.Body)
	if err != nil {
		return nil, fmt.Errorf("kitexbody: reading a %T: %w", v, err)
	}
	if n != len(m.Body) {
		return nil, fmt.Errorf("kitexbody: %d bytes are left behind a %T", len(m.Body)-n, v)
	}
	m.ReleaseBody()
	return v, nil
}
