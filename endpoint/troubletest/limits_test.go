package troubletest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

var limits = []trouble{
	{
		what: "a request over the client's own limit",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t, muxpool.WithMaxFrameSize(1024)), service(t, native.Protocol{}, nil), "Echo", 2000)
		},
		means: "the pool sends no such frame",
		do:    "`WithMaxFrameSize`, default 4 MiB, and the server's `ServiceMaxFrameSize`; or split the data",
	}, {
		what: "an answer over the client's limit",
		make: func(t *testing.T) error {
			node := peer(t, requests(func(_ int, id uint32) ([]byte, bool) { return answer(id, 2000), true }))
			return call(inTime(t), pool(t, muxpool.WithMaxFrameSize(1024)), node, "Echo", 1)
		},
		means: "the answer was passed over, and this call alone has failed",
		do:    "`WithMaxFrameSize`. A Service of muxkit is told the limit, and says so itself: next row",
	}, {
		what: "an answer over the client's limit, from a Service",
		make: func(t *testing.T) error {
			s := transport.NewService(native.Protocol{})
			s.Handle("Large", transport.NewServer(func(context.Context, any) (any, error) { return make([]byte, 2000), nil },
				transport.DecodeBytes, transport.EncodeBytes))
			return call(inTime(t), pool(t, muxpool.WithMaxFrameSize(1024)), run(t, s), "Large", 1)
		},
		means: "the server has answered that it cannot send the answer",
		do:    "`WithMaxFrameSize`, and `ServiceMaxFrameSize`",
	}, {
		what: "a request over the server's limit",
		make: func(t *testing.T) error {
			node := service(t, native.Protocol{}, nil, transport.ServiceMaxFrameSize(1024))
			p := pool(t)
			if err := call(inTime(t), p, node, "Echo", 1); err != nil { // with the answer comes what the server takes
				t.Fatal(err)
			}
			return call(inTime(t), p, node, "Echo", 2000)
		},
		means: "the server has told how much it takes, so the pool has not sent it",
		do:    "`ServiceMaxFrameSize`, default 4 MiB; or split the data",
	}, {
		what: "a request over the server's limit, of which it has not told",
		make: func(t *testing.T) error {
			node := service(t, trpc.Protocol{}, nil, transport.ServiceMaxFrameSize(1024))
			_, err := client(pool(t), node, trpc.Protocol{}, "/s/Echo").Endpoint()(inTime(t), make([]byte, 2000))
			return err
		},
		means: "the server has passed the frame over: this call alone has failed, and was not run",
		do:    "likewise",
	}, {
		what: "a request over the server's limit, in JSON-RPC",
		make: func(t *testing.T) error {
			p := jsonrpc.Protocol{Version: jsonrpc.Version2}
			node := service(t, p, nil, transport.ServiceMaxFrameSize(8<<10))
			_, err := client(pool(t), node, p, "Echo").Endpoint()(inTime(t), []byte(`["`+strings.Repeat("x", 10_000)+`"]`))
			return err
		},
		means: "where such a text ends is not known: the server has answered this call, and then ended the connection",
		do:    "likewise",
	}, {
		what: "too many calls in flight on the server",
		make: func(t *testing.T) error {
			p := pool(t)
			node, stop := hanging(t, p, transport.ServiceMaxInFlight(100, 1))
			defer func() { _ = stop() }()
			return call(inTime(t), p, node, "Hang", 1)
		},
		means: "the server is at a limit of its own, and has not run the call",
		do:    "more servers, or [the limit](transport.md#the-servers-limits); `Service.Stats` tells which it is",
	}, {
		what: "all workers of the server are busy",
		make: func(t *testing.T) error {
			p := pool(t)
			node, stop := hanging(t, p, transport.ServiceWorkers(1), transport.ServiceMaxWaiting(1))
			defer func() { _ = stop() }()
			ctx, cancel := context.WithCancel(inTime(t))
			done := make(chan error, 2)
			for range cap(done) { // one waits for the worker
				go func() { done <- call(ctx, p, node, "Hang", 1) }()
			}
			err := bounded.Receive(t, done)
			cancel()
			bounded.Receive(t, done)
			return err
		},
		means: "as many calls wait for a worker as may, and the call was not run",
		do:    "`ServiceWorkers`, `ServiceMaxWaiting`, [the limit](transport.md#the-servers-limits)",
	}, {
		what: "a peer that does not read, and a pool that does not wait",
		make: func(t *testing.T) error {
			end := make(chan struct{})
			node := peer(t, func(net.Conn) { <-end })
			t.Cleanup(func() { close(end) })
			p := pool(t, muxpool.WithQueueSize(1), muxpool.WithDropFull(true))
			return until(t, func() error { return call(within(t, short), p, node, "Echo", 1<<20) }, "queue")
		},
		means: "the pool was made with `WithDropFull`, and the peer reads too slowly",
		do:    "drop that option to wait instead; look at the peer",
	}, {
		what: "an answer in pieces that nobody reads",
		make: func(t *testing.T) error {
			piece := golden(t, "answer-more")
			node := peer(t, requests(func(nth int, id uint32) ([]byte, bool) {
				if nth > 0 {
					return answer(id, 0), true
				}
				binary.BigEndian.PutUint32(piece[8:], id)
				return bytes.Repeat(piece, 1000), true
			}))
			p := pool(t, muxpool.WithRecvLimit(4096), muxpool.WithRecvWait(time.Millisecond))
			mc := get(t, p, node, native.Protocol{}, func(*muxpool.GetOptions) {})
			defer mc.Close()
			request, err := native.Protocol{}.AppendRequest(nil, mc.VID(), &transport.Message{Method: "Watch"})
			if err != nil {
				t.Fatal(err)
			}
			if err := mc.Write(request); err != nil {
				t.Fatal(err)
			}
			if err := call(inTime(t), p, node, "Echo", 1); err != nil { // it comes behind all pieces
				t.Fatal(err)
			}
			return until(t, func() error { _, err := mc.Read(); return err }, "")
		},
		means: "the reader is too slow, and the connection has waited for it; the others go on",
		do:    "read faster; `WithRecvLimit`, `WithRecvWait`",
	}, {
		what: "two calls with one id that the caller has chosen",
		make: func(t *testing.T) error {
			p, node := pool(t), service(t, native.Protocol{}, nil)
			own := func(o *muxpool.GetOptions) { o.WithVID(7) }
			defer get(t, p, node, native.Protocol{}, own).Close()
			second := get(t, p, node, native.Protocol{}, own)
			defer second.Close()
			return second.Write([]byte("x"))
		},
		means: "the second has lost, the first goes on",
		do:    "leave out `WithVID`: the pool hands out ids",
	},
}

// get opens a MuxConn.
func get(t *testing.T, p muxpool.Pool, n muxpool.Node, parser muxpool.FrameParser, with func(*muxpool.GetOptions)) muxpool.MuxConn {
	t.Helper()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(parser)
	with(&opts)
	mc, err := p.GetMuxConn(inTime(t), n.Network, n.Address, opts)
	if err != nil {
		t.Fatal(err)
	}
	return mc
}

// hanging is a Service on which a call hangs, until the function that is returned is called,
// which returns how the call has ended.
func hanging(t *testing.T, p muxpool.Pool, options ...transport.ServiceOption) (node muxpool.Node, stop func() error) {
	t.Helper()
	s := transport.NewService(native.Protocol{}, options...)
	entered := make(chan struct{}, 1)
	s.Handle("Hang", transport.NewServer(func(ctx context.Context, _ any) (any, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}, transport.DecodeBytes, transport.EncodeBytes))
	node = run(t, s)
	ctx, cancel := context.WithCancel(inTime(t))
	done := make(chan error, 1)
	go func() { done <- call(ctx, p, node, "Hang", 1) }()
	bounded.Receive(t, entered)
	return node, func() error { cancel(); return bounded.Receive(t, done) }
}

// until makes calls until one fails, with an error that says so.
func until(t *testing.T, f func() error, says string) error {
	t.Helper()
	for limit := new(bounded.Limit); !limit.Over(); {
		if err := f(); err != nil && (says == "" || contains(err, says)) {
			return err
		}
	}
	return errors.New("no call has failed so")
}
