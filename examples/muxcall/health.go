package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// again is how long a watch waits before it asks a node once more that it has not reached.
const again = time.Second

// runHealth is muxcall health.
func runHealth(ctx context.Context, args []string, s streams) (int, error) {
	h := &asker{streams: s}
	fs := newFlags(h)
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if err := operands(fs.Args(), 1, 2, "ADDRESS [SERVICE]"); err != nil {
		return 0, err
	}
	if err := h.resolve(fs.Arg(0)); err != nil {
		return 0, err
	}
	if _, ok := h.plug.(transport.Healther); !ok {
		return 0, misused("-protocol=%s has no method for health", h.protocol)
	}
	pool, err := newPool(1, h.timeout)
	if err != nil {
		return 0, err
	}
	defer pool.Close() //nolint:errcheck // it is always nil
	h.warn(s)
	h.service, h.client = fs.Arg(1), h.target.client(pool, "health")
	if h.watching {
		return h.watch(ctx)
	}
	status, err := h.ask(ctx)
	if err != nil {
		explain(s, err, &h.target)
		return ended(ctx, exitCode(err)), nil
	}
	fmt.Fprintln(s.out, status)
	if status != transport.HealthServing {
		return exitRefused, nil
	}
	return exitOK, nil
}

// asker asks a node for the health of a service.
type asker struct {
	target
	streams
	watching bool
	service  string
	client   *transport.Client
}

func (h *asker) flags(fs *flag.FlagSet) {
	h.target.flags(fs)
	fs.BoolVar(&h.watching, "watch", false, "")
}

func (h *asker) ask(ctx context.Context) (transport.HealthStatus, error) {
	if h.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.timeout)
		defer cancel()
	}
	return h.client.Health(ctx, h.service)
}

// watch prints each state when it begins, until it is interrupted, or the node says that
// it cannot be asked. One that is not reached is asked again.
func (h *asker) watch(ctx context.Context) (int, error) {
	shown := ""
	show := func(state string) {
		if state != shown {
			fmt.Fprintln(h.out, state)
			shown = state
		}
	}
	for {
		status, err := h.ask(ctx)
		for err == nil {
			show(status.String())
			status, err = h.client.WatchHealth(ctx, h.service, status)
		}
		v := verdict.Of(err)
		switch {
		case ctx.Err() != nil:
			return exitInterrupted, nil
		case v.Answered || v.Whose == verdict.Caller:
			explain(h.streams, err, &h.target)
			return exitCode(err), nil
		}
		if shown != "unreachable" {
			explain(h.streams, err, &h.target)
		}
		show("unreachable")
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
}
