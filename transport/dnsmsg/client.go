package dnsmsg

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Client asks a server over UDP and, if the answer was truncated, again over TCP
// (RFC 7766, section 5). It is safe for concurrent use.
type Client struct {
	udp, tcp *transport.Client
	invalid  error
}

// NewClient makes a Client of the server at node, whose network is udp, udp4 or udp6; it is
// asked over TCP at the same address. The options are for both. The time of ClientTimeout
// is for each of the two. A datagram may get lost: give calls a time, and repeat them (endpoint.Retry).
func NewClient(pool muxpool.Pool, node transport.Node, method string,
	enc transport.EncodeRequestFunc, dec transport.DecodeResponseFunc, options ...transport.ClientOption,
) *Client {
	c := new(Client)
	if !strings.HasPrefix(node.Network, "udp") {
		c.invalid = fmt.Errorf("%w: dnsmsg.NewClient: the network of %s is none of udp, udp4, udp6", transport.ErrInvalidOption, node)
	}
	overTCP := node
	overTCP.Network = strings.Replace(node.Network, "udp", "tcp", 1)
	c.udp = transport.NewClient(pool, node, UDP{}, method, enc, unlessTruncated(dec), options...)
	c.tcp = transport.NewClient(pool, overTCP, TCP{}, method, enc, dec, options...)
	return c
}

// truncated takes the place of what a decode function makes.
type truncated struct{}

func unlessTruncated(dec transport.DecodeResponseFunc) transport.DecodeResponseFunc {
	if dec == nil {
		return nil
	}
	return func(ctx context.Context, resp *transport.Message) (any, error) {
		if len(resp.Body) >= headerSize && resp.Body[2]&flagTruncated != 0 {
			resp.ReleaseBody()
			return truncated{}, nil
		}
		return dec(ctx, resp)
	}
}

// Err returns what of NewClient's arguments makes no sense, or nil.
func (c *Client) Err() error { return errors.Join(c.invalid, c.udp.Err()) }

// Endpoint returns the go-kit endpoint. Its errors are those of transport.Client.
func (c *Client) Endpoint() endpoint.Endpoint {
	if c.invalid != nil {
		return func(context.Context, any) (any, error) { return nil, c.invalid }
	}
	udp, tcp := c.udp.Endpoint(), c.tcp.Endpoint()
	return func(ctx context.Context, request any) (any, error) {
		response, err := udp(ctx, request)
		if response == (truncated{}) && err == nil {
			return tcp(ctx, request)
		}
		return response, err
	}
}

// Close closes both clients: see transport.Client.
func (c *Client) Close() error { return errors.Join(c.udp.Close(), c.tcp.Close()) }
