package troubletest

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// With these limits two of the largest frames of a Service have room.
const (
	smallFrame = 64 << 10
	smallBytes = 192 << 10
)

var budgets = []trouble{
	{
		what:  "too many bytes in use for one connection of the server",
		make:  full(transport.ServiceMaxFrameSize(smallFrame), transport.ServiceMaxBytes(smallBytes, 64*smallBytes)),
		means: "what this connection's calls take, with their answers until they are written, is as much as one may; it was passed over, and not run",
		do:    "`ServiceMaxBytes`; fewer large calls at once, or more connections (`WithConnectNumber`)",
	}, {
		what:  "too many bytes in use on the server",
		make:  full(transport.ServiceMaxFrameSize(smallFrame), transport.ServiceMaxBytes(smallBytes, smallBytes)),
		means: "likewise, of all connections together: this one has more than its share of what is left. Each has room for a small call, however full it is",
		do:    "more servers or more memory; `ServiceMaxBytes`, default 128 MiB; `Service.Stats` tells how many are in use",
	}, {
		what:  "too many bytes in use for one client's address",
		make:  full(transport.ServiceMaxFrameSize(smallFrame), transport.ServiceMaxPerPeer(0, 0, smallBytes)),
		means: "likewise, of all connections from one address",
		do:    "`ServiceMaxPerPeer`: behind a proxy or a router many clients are one address",
	}, {
		what: "too many calls in flight from one client's address",
		make: func(t *testing.T) error {
			node, stop := hanging(t, pool(t), transport.ServiceMaxPerPeer(0, 1, 0))
			defer func() { _ = stop() }()
			return call(inTime(t), pool(t), node, "Hang", 1) // on another connection
		},
		means: "the server bounds what one address may have, and this call was not run",
		do:    "likewise",
	}, {
		what: "too many connections from one client's address",
		make: func(t *testing.T) error {
			node, stop := hanging(t, pool(t), transport.ServiceMaxPerPeer(1, 0, 0))
			defer func() { _ = stop() }()
			p := pool(t)
			return until(t, func() error { return call(inTime(t), p, node, "Hang", 1) }, "read: connection lost")
		},
		means: "the server has hung up at once: only its `ServiceErrorHandler` hears why, see the last table. So it is with `ServiceMaxConns`",
		do:    "likewise; fewer processes or connections at that address",
	}, {
		what: "too much metadata",
		make: func(t *testing.T) error {
			node := service(t, native.Protocol{}, nil, transport.ServiceMaxMetadata(1, 0))
			return call(inTime(t), pool(t), node, "Echo", 1, transport.ClientBefore(func(ctx context.Context, m *transport.Message) context.Context {
				m.Set("tenant", "a")
				m.Set("zone", "b")
				return ctx
			}))
		},
		means: "the call has more pairs, or bytes, of metadata than the server takes, and was not run",
		do:    "`ServiceMaxMetadata`, default 256 pairs and 64 KiB; who adds to it?",
	}, {
		what: "an answer in pieces that is too large together",
		make: func(t *testing.T) error {
			piece := golden(t, "answer-more")
			node := peer(t, requests(func(_ int, id uint32) ([]byte, bool) {
				binary.BigEndian.PutUint32(piece[8:], id)
				return bytes.Repeat(piece, 1000), true
			}))
			return call(inTime(t), pool(t, muxpool.WithMaxFrameSize(1024), muxpool.WithMaxAnswerSize(4096)), node, "Watch", 1)
		},
		means: "a Client keeps the whole answer, up to a limit; this call alone has failed",
		do:    "`WithMaxAnswerSize`, default 64 MiB; or read the pieces one by one, from a MuxConn",
	},
}

// full makes large calls that hang, until one is refused.
func full(options ...transport.ServiceOption) func(t *testing.T) error {
	return func(t *testing.T) error {
		const calls = 16
		p, node := pool(t), service(t, native.Protocol{}, nil, options...)
		ctx, cancel := context.WithCancel(inTime(t))
		ends := make(chan error)
		for range calls {
			go func() { ends <- call(ctx, p, node, "Hang", 40_000) }()
		}
		refused := bounded.Receive(t, ends)
		cancel()
		for range calls - 1 {
			bounded.Receive(t, ends)
		}
		return refused
	}
}
