package thriftbody

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/transport"
)

// Endpoints makes the endpoint of a method, which takes a thrift.TStruct and returns the
// answer's body as a []byte: of a transport.Client whose codecs are Encode and
// transport.DecodeBytes, with these options besides.
type Endpoints func(method string, options ...transport.ClientOption) endpoint.Endpoint

// Client is a thrift.TClient, on which generated clients run. Unlike Apache's it is safe for
// concurrent use. Its errors are those of the endpoints: an exception of the peer is an
// *transport.Error, whose Status is the exception's type.
type Client struct {
	endpoints Endpoints
	made      sync.Map // called -> endpoint.Endpoint
}

// called is what an endpoint is made for.
type called struct {
	method string
	oneWay bool
}

var _ thrift.TClient = (*Client)(nil)

// NewClient returns a Client. It calls endpoints once for each method, or now and then twice at
// once.
func NewClient(endpoints Endpoints) *Client { return &Client{endpoints: endpoints} }

// Call implements thrift.TClient: a call without a result is one-way.
func (c *Client) Call(ctx context.Context, method string, args, result thrift.TStruct) (thrift.ResponseMeta, error) {
	response, err := c.endpoint(called{method, result == nil})(ctx, args)
	if err != nil || result == nil {
		return thrift.ResponseMeta{}, err
	}
	body, ok := response.([]byte)
	if !ok {
		return thrift.ResponseMeta{}, fmt.Errorf("thriftbody: the endpoint of %s answers with a %T, not with a []byte", method, response)
	}
	return thrift.ResponseMeta{}, read(ctx, body, result)
}

func (c *Client) endpoint(of called) endpoint.Endpoint {
	e, ok := c.made.Load(of)
	if !ok {
		var options []transport.ClientOption
		if of.oneWay {
			options = append(options, transport.ClientOneWay())
		}
		e, _ = c.made.LoadOrStore(of, c.endpoints(of.method, options...))
	}
	return e.(endpoint.Endpoint)
}
