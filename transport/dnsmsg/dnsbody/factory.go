package dnsbody

import (
	"io"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/dnsmsg"
)

// Factory makes dnsmsg.Clients, for muxkit's endpoint.Set:
//
//	set.EndpointFrom(dnsmsg.MethodQuery, dnsbody.Factory(pool, dnsmsg.MethodQuery))
//
// Its instances are written "udp://address".
func Factory(pool muxpool.Pool, method string, options ...transport.ClientOption) sd.Factory {
	return func(instance string) (endpoint.Endpoint, io.Closer, error) {
		node, err := muxendpoint.ParseNode(instance)
		if err != nil {
			return nil, nil, err
		}
		c := dnsmsg.NewClient(pool, node, method, Encode, Decode, options...)
		return c.Endpoint(), c, c.Err()
	}
}
