package stringsvc

import (
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// The names of the methods on the wire.
const (
	MethodUppercase = "stringsvc.Uppercase"
	MethodCount     = "stringsvc.Count"
)

// NewServer returns a server of svc in muxkit's native protocol, with JSON bodies.
func NewServer(svc Service, options ...muxtransport.ServiceOption) *muxtransport.Service {
	s := muxtransport.NewService(native.Protocol{}, options...)
	s.Handle(MethodUppercase, muxtransport.NewServer(MakeUppercaseEndpoint(svc),
		muxtransport.DecodeJSON[UppercaseRequest], muxtransport.EncodeJSON,
		muxtransport.ServerTypes(muxtransport.JSONType[UppercaseRequest](), muxtransport.JSONType[UppercaseResponse]())))
	s.Handle(MethodCount, muxtransport.NewServer(MakeCountEndpoint(svc),
		muxtransport.DecodeJSON[CountRequest], muxtransport.EncodeJSON,
		muxtransport.ServerTypes(muxtransport.JSONType[CountRequest](), muxtransport.JSONType[CountResponse]())))
	return s
}

// UppercaseClient makes clients of Uppercase, for a Set.
func UppercaseClient(p muxpool.Pool) func(muxtransport.Node) *muxtransport.Client {
	return func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(p, n, native.Protocol{}, MethodUppercase,
			muxtransport.EncodeJSON, muxtransport.DecodeJSON[UppercaseResponse])
	}
}

// CountClient makes clients of Count, for a Set.
func CountClient(p muxpool.Pool) func(muxtransport.Node) *muxtransport.Client {
	return func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(p, n, native.Protocol{}, MethodCount,
			muxtransport.EncodeJSON, muxtransport.DecodeJSON[CountResponse])
	}
}
