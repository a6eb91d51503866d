package addsvc

import (
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// The names of the methods on the wire.
const (
	MethodSum    = "addsvc.Sum"
	MethodConcat = "addsvc.Concat"
)

// NewServer returns a server of the endpoints in the native protocol, with JSON
// bodies.
func NewServer(e Endpoints, options ...muxtransport.ServerOption) *muxtransport.Service {
	s := muxtransport.NewService(native.Protocol{})
	s.Handle(MethodSum, muxtransport.NewServer(e.Sum,
		muxtransport.DecodeJSON[SumRequest], muxtransport.EncodeJSON, options...))
	s.Handle(MethodConcat, muxtransport.NewServer(e.Concat,
		muxtransport.DecodeJSON[ConcatRequest], muxtransport.EncodeJSON, options...))
	return s
}

// NewSumClient returns a client of Sum on one node.
func NewSumClient(p muxpool.Pool, n muxtransport.Node, options ...muxtransport.ClientOption) *muxtransport.Client {
	return muxtransport.NewClient(p, n, native.Protocol{}, MethodSum,
		muxtransport.EncodeJSON, muxtransport.DecodeJSON[SumResponse], options...)
}

// NewConcatClient returns a client of Concat on one node.
func NewConcatClient(p muxpool.Pool, n muxtransport.Node, options ...muxtransport.ClientOption) *muxtransport.Client {
	return muxtransport.NewClient(p, n, native.Protocol{}, MethodConcat,
		muxtransport.EncodeJSON, muxtransport.DecodeJSON[ConcatResponse], options...)
}
