package muxpool

import (
	"context"
	"sync/atomic"
)

// Pinger is an optional part of a Pool: it asks whether a node is there, without a call.
type Pinger interface {
	// Ping connects to a node if it must, asks for a sign of life (see KeepAliver), and
	// waits for one. answered false with a nil error: it is connected, and cannot be asked.
	Ping(ctx context.Context, network, address string, opts GetOptions) (answered bool, err error)
}

var _ Pinger = (*Multiplexed)(nil)

// Ping implements Pinger. PreWarm is content with a frame that came before.
func (p *Multiplexed) Ping(ctx context.Context, network, address string, opts GetOptions) (answered bool, err error) {
	opts.hasVID = false
	m, err := p.GetMuxConn(ctx, network, address, opts)
	if err != nil {
		return false, err
	}
	defer m.Close()
	return m.(*muxConn).ping(ctx)
}

// ping asks the peer, if the protocol can, and waits for a frame that proves it.
func (m *muxConn) ping(ctx context.Context) (answered bool, err error) {
	if _, asks := m.conn.node.key.parser.(KeepAliver); !asks || m.conn.datagram {
		return false, nil
	}
	frame := m.conn.next.frame()
	m.conn.ask()
	select {
	case <-frame:
		return true, nil
	case <-m.call.stopped():
		m.call.noticed()
		return false, m.fail("ping", m.call.failure(), false)
	case <-ctx.Done():
		return false, m.fail("ping", ctxErr(ctx), false)
	}
}

// nextFrame tells those who wait that a frame that proves the peer has arrived after they asked. Where
// nobody waits, that costs the read loop a look at it.
type nextFrame struct {
	arrival atomic.Pointer[chan struct{}] // closed, and forgotten, with the next frame; nil: nobody waits
}

func (n *nextFrame) frame() <-chan struct{} {
	for {
		if ch := n.arrival.Load(); ch != nil {
			return *ch
		}
		ch := make(chan struct{})
		if n.arrival.CompareAndSwap(nil, &ch) {
			return ch
		}
	}
}

func (n *nextFrame) arrived() {
	if n.arrival.Load() == nil {
		return
	}
	if ch := n.arrival.Swap(nil); ch != nil {
		close(*ch)
	}
}
