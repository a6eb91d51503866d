package transport_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
)

// blocked is an endpoint that waits for the end of its context and tells how it
// ended.
func blocked(started chan<- context.Context, ended chan<- error) func(context.Context, any) (any, error) {
	return func(ctx context.Context, _ any) (any, error) {
		started <- ctx
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}
}

func TestDeadlineTravels(t *testing.T) {
	const limit = time.Second // long enough for a call to start on a loaded machine
	pool := newPool(t)
	short := func(t *testing.T) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		t.Cleanup(cancel)
		return ctx
	}
	hook := func(ctx context.Context, m *transport.Message) context.Context {
		m.Timeout = limit
		return ctx
	}
	for name, tc := range map[string]struct {
		ctx     func(*testing.T) context.Context
		options []transport.ClientOption
	}{
		"context's deadline": {short, nil},
		"a deadline.Context's": {func(t *testing.T) context.Context {
			ctx, cancel := deadline.WithTimeout(t.Context(), limit)
			t.Cleanup(cancel)
			return ctx
		}, nil},
		"ClientTimeout":       {(*testing.T).Context, []transport.ClientOption{transport.ClientTimeout(limit)}},
		"the shorter of both": {testContext, []transport.ClientOption{transport.ClientTimeout(limit)}},
		"a hook's":            {(*testing.T).Context, []transport.ClientOption{transport.ClientBefore(hook)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started, ended := make(chan context.Context, 1), make(chan error, 1)
			s := serve(t, map[string]*transport.Server{"M": rawServer(blocked(started, ended))})
			_, err := rawClient(pool, s.node, "M", tc.options...)(tc.ctx(t), []byte{})
			if e := asError(t, err); !errors.Is(err, context.DeadlineExceeded) || !e.Timeout() {
				t.Errorf("the client got %v (code %v)", err, e.Code)
			}
			ctx := wait(t, "the call", started)
			deadline, ok := ctx.Deadline()
			if left := time.Until(deadline); !ok || left > limit {
				t.Errorf("the server's context has %v left", left)
			}
			if err := wait(t, "the end of the server's context", ended); err != context.DeadlineExceeded && err != context.Canceled {
				t.Errorf("the server's context ended with %v", err)
			}
		})
	}
}

func TestNoDeadlineTravelsWithoutOne(t *testing.T) {
	got := make(chan bool, 1)
	s := serve(t, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, _ any) (any, error) {
		_, ok := ctx.Deadline()
		got <- ok
		return []byte{}, nil
	})})
	if _, err := rawClient(newPool(t), s.node, "M")(context.Background(), []byte{}); err != nil {
		t.Fatal(err)
	}
	if <-got {
		t.Error("the server's context has a deadline")
	}
}

func TestDisconnectEndsTheContexts(t *testing.T) {
	started, ended := make(chan context.Context, 1), make(chan error, 1)
	s := serve(t, map[string]*transport.Server{"M": rawServer(blocked(started, ended))})
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := rawClient(pool, s.node, "M")(context.Background(), []byte{})
		done <- err
	}()
	wait(t, "the call", started)
	pool.Close()
	if err := wait(t, "the client's error", done); !errors.Is(err, muxpool.ErrPoolClosed) || !asError(t, err).Sent() {
		t.Errorf("the client got %v", err)
	}
	if err := wait(t, "the end of the server's context", ended); err != context.Canceled {
		t.Errorf("the server's context ended with %v", err)
	}
}
