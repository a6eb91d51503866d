package main

import (
	"context"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// again is how long a watch waits before it asks a node once more that it has not reached.
const again = time.Second

// runHealth is muxcall health.
func runHealth(ctx context.Context, args []string, s streams) (int, error) {
	var t target
	fs := newFlags(&t)
	watch := fs.Bool("watch", false, "")
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if err := operands(fs.Args(), 1, 2, "ADDRESS [SERVICE]"); err != nil {
		return 0, err
	}
	if err := t.resolve(fs.Arg(0), false); err != nil {
		return 0, err
	}
	if _, ok := t.plug.(transport.Healther); !ok {
		return 0, misused("-protocol=%s has no method for health", t.protocol)
	}
	pool, err := newPool(1, t.timeout)
	if err != nil {
		return 0, err
	}
	defer pool.Close() //nolint:errcheck // it is always nil
	t.warn(s)
	h := &asker{target: &t, streams: s, service: fs.Arg(1), client: t.client(pool, "health")}
	if *watch {
		return h.watch(ctx)
	}
	status, err := h.ask(ctx)
	if err != nil {
		explain(s, err)
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
	*target
	streams
	service string
	client  *transport.Client
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
			explain(h.streams, err)
			return exitCode(err), nil
		}
		if shown != "unreachable" {
			explain(h.streams, err)
		}
		show("unreachable")
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
}
