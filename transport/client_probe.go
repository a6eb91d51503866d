package transport

import (
	"context"

	"github.com/muxkit/muxkit/muxpool"
)

// Probe tries the Client's node out on a connection such as its calls use, without a
// call: it connects if it must, asks for a sign of life if the protocol has a frame for
// that (see muxpool.KeepAliver), and waits for the answer until ctx ends. answered false
// with a nil error says that there is a connection, and that nothing more is known.
//
// It knows nothing of the methods: a node that answers may still fail every call.
func (c *Client) Probe(ctx context.Context) (answered bool, err error) {
	if err := c.Err(); err != nil {
		return false, err
	}
	if p, can := c.pool.(muxpool.Pinger); can {
		return p.Ping(ctx, c.node.Network, c.node.Address, c.opts)
	}
	mc, err := c.pool.GetMuxConn(ctx, c.node.Network, c.node.Address, c.opts)
	if err != nil {
		return false, err
	}
	mc.Close()
	return false, nil
}
