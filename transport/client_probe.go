package transport

import (
	"context"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Probe tries the Client's node out on a connection such as its calls use, without a
// call: it connects if it must, asks for a sign of life if the protocol has a frame for
// that (see muxpool.KeepAliver), and waits for the answer until ctx ends. answered false
// with a nil error says that there is a connection, and that nothing more is known.
//
// A peer that answers, by a protocol with a method for health (Healther), is asked for that
// besides: one that is not serving is ErrNotServing. One that knows no such method has
// answered.
//
// It knows nothing of the methods: a node that answers may still fail every call.
func (c *Client) Probe(ctx context.Context) (answered bool, err error) {
	if err := c.Err(); err != nil {
		return false, err
	}
	if p, can := c.pool.(muxpool.Pinger); can {
		answered, err = p.Ping(ctx, c.node.Network, c.node.Address, c.opts)
		if _, knows := c.protocol.(Healther); err == nil && answered && knows {
			return c.probeHealth(ctx)
		}
		return answered, err
	}
	mc, err := c.pool.GetMuxConn(ctx, c.node.Network, c.node.Address, c.opts)
	if err != nil {
		return false, err
	}
	mc.Close()
	return false, nil
}

// probeHealth asks a peer that has shown a sign of life whether it serves.
func (c *Client) probeHealth(ctx context.Context) (answered bool, err error) {
	status, err := c.Health(ctx, "")
	switch {
	case err == nil && status == HealthNotServing:
		return true, ErrNotServing
	case err == nil, verdict.Of(err).Answered: // with a refusal, or since it knows no such method
		return true, nil
	}
	return false, err
}
