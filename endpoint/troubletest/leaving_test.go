package troubletest

import (
	"context"
	"errors"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

var leaving = []trouble{
	{
		what: "a new call to a server that shuts down",
		make: func(t *testing.T) error {
			p := pool(t)
			return drain(t, p).refuses(t, p)
		},
		means: "the server takes no connections any more, and has told its clients to send nothing new on those that they have: the pool has let them go",
		do:    "nothing, where a Set has other nodes; else the order of the deploy: [production.md](production.md#rolling-deploys)",
	}, {
		what: "a call for which a server that shuts down has waited long enough",
		make: func(t *testing.T) error {
			p := pool(t)
			d := drain(t, p)
			_ = d.refuses(t, p) // so the client has heard of it
			d.giveUp()
			return bounded.Receive(t, d.hangs)
		},
		means: "the context of `Shutdown` was over before the call was answered, and the call was cut off: it may have run",
		do:    "more time for `Shutdown` than calls take, and for the process before it is killed; deadlines for calls",
	},
}

// drained is a Service that shuts down while a call of a client's hangs on it.
type drained struct {
	node   muxpool.Node
	hangs  <-chan error // the call's end
	giveUp func()       // Shutdown waits no longer
}

func drain(t *testing.T, p muxpool.Pool) drained {
	t.Helper()
	s := transport.NewService(native.Protocol{})
	entered := make(chan struct{}, 1)
	s.Handle("Hang", transport.NewServer(func(ctx context.Context, _ any) (any, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}, transport.DecodeBytes, transport.EncodeBytes))
	s.Handle("Echo", transport.NewServer(func(_ context.Context, r any) (any, error) { return r, nil }, transport.DecodeBytes, transport.EncodeBytes))
	node := run(t, s)
	hangs, down := make(chan error, 1), make(chan error, 1)
	go func() { hangs <- call(inTime(t), p, node, "Hang", 1) }()
	bounded.Receive(t, entered)
	ctx, giveUp := context.WithCancel(inTime(t))
	go func() { down <- s.Shutdown(ctx) }()
	t.Cleanup(func() {
		giveUp()
		if err := bounded.Receive(t, down); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return drained{node, hangs, giveUp}
}

// refuses is how new calls end, once the client has heard that the server shuts down.
func (d drained) refuses(t *testing.T, p muxpool.Pool) error {
	t.Helper()
	return until(t, func() error { return call(inTime(t), p, d.node, "Echo", 1) }, "connection refused")
}
