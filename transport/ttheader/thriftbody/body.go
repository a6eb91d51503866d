// Package thriftbody makes bodies for transport/ttheader with Apache Thrift's Go library: of the
// structs that its compiler generates for the arguments and the result of a method, in the
// binary protocol (thrift-binary-protocol.md in Apache Thrift's doc/specs).
//
//	Encode, Decode   codecs for Clients and Servers of one method
//	Client           a thrift.TClient: a generated client on muxkit
//	Handle           a generated processor on a muxkit Service
//
// Lengths in a body are checked against what is there before memory is taken. What is read does
// not refer to the frame.
//
// The package starts no goroutines. Its functions are safe for concurrent use.
package thriftbody

import (
	"context"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/muxkit/muxkit/transport"
)

// Encode is a transport.EncodeRequestFunc and a transport.EncodeResponseFunc for values that
// are a thrift.TStruct.
func Encode(ctx context.Context, m *transport.Message, value any) error {
	s, ok := value.(thrift.TStruct)
	if !ok {
		return fmt.Errorf("thriftbody: Encode got a %T, which is no thrift.TStruct", value)
	}
	b := thrift.NewTMemoryBuffer()
	if err := s.Write(ctx, thrift.NewTBinaryProtocolConf(b, nil)); err != nil {
		return fmt.Errorf("thriftbody: writing a %T: %w", value, err)
	}
	m.Body = b.Bytes()
	return nil
}

// Decode is a transport.DecodeRequestFunc and a transport.DecodeResponseFunc: it reads a body
// into a new T, and returns the *T, a generated struct. Bytes behind the struct are an error.
func Decode[T any, P interface {
	*T
	thrift.TStruct
}](ctx context.Context, m *transport.Message) (any, error) {
	v := P(new(T))
	if err := read(ctx, m.Body, v); err != nil {
		return nil, err
	}
	m.ReleaseBody()
	return v, nil
}

// read reads body into v.
func read(ctx context.Context, body []byte, v thrift.TStruct) error {
	b, in := reader(body)
	if err := v.Read(ctx, in); err != nil {
		return fmt.Errorf("thriftbody: reading a %T: %w", v, err)
	}
	if n := b.Len(); n > 0 {
		return fmt.Errorf("thriftbody: %d bytes are left behind a %T", n, v)
	}
	return nil
}

// reader is a protocol that reads body, which takes no memory for more than is there.
func reader(body []byte) (*thrift.TMemoryBuffer, thrift.TProtocol) {
	b := thrift.NewTMemoryBufferLen(0)
	_, _ = b.Write(body)
	most := int32(min(len(body), 1<<30))
	return b, thrift.NewTBinaryProtocolConf(b, &thrift.TConfiguration{MaxMessageSize: max(most, 1), MaxFrameSize: max(most, 1)})
}
