package transport_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
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
	const limit = 3 * time.Second // long enough for a call to start on a loaded machine
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
	hooked := transport.ClientBefore(func(ctx context.Context, m *transport.Message) context.Context {
		if m.Timeout <= 0 || m.Timeout > limit {
			t.Errorf("a hook sees that %v are left", m.Timeout)
		}
		return ctx
	})
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
		"ClientTimeout":                      {(*testing.T).Context, []transport.ClientOption{transport.ClientTimeout(limit)}},
		"the shorter of both":                {testContext, []transport.ClientOption{transport.ClientTimeout(limit)}},
		"a hook's":                           {(*testing.T).Context, []transport.ClientOption{transport.ClientBefore(hook)}},
		"context's deadline, seen by a hook": {short, []transport.ClientOption{hooked}},
		"ClientTimeout, seen by a hook":      {(*testing.T).Context, []transport.ClientOption{hooked, transport.ClientTimeout(limit)}},
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
	if bounded.Receive(t, got) {
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

// TestClientTimeoutBoundsEveryCall: also where a hook takes the context's deadline away
// that was the earlier one, and the server does not answer.
func TestClientTimeoutBoundsEveryCall(t *testing.T) {
	l := listen(t)
	defer l.Close()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, nc); nc.Close() }()
		}
	}()
	node := transport.Node{Network: "tcp", Address: l.Addr().String()}
	detach := func(ctx context.Context, _ *transport.Message) context.Context { return context.WithoutCancel(ctx) }
	later := func(ctx context.Context, _ *transport.Message) context.Context {
		ctx, _ = deadline.WithTimeout(context.WithoutCancel(ctx), time.Hour)
		return ctx
	}
	for name, hook := range map[string]transport.RequestFunc{"detached": detach, "later": later} {
		call := rawClient(newPool(t, muxpool.WithStallTimeout(time.Hour), muxpool.WithKeepAlive(time.Hour)), node, "M",
			transport.ClientTimeout(waitTime/2), transport.ClientBefore(hook))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			_, err := call(ctx, []byte{})
			done <- err
		}()
		if err := wait(t, name+": the end of the call", done); asError(t, err).Code != transport.CodeDeadlineExceeded {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestExpiredRequestsAreNotRun: a request whose time is over before a call before it on
// the connection has made room is answered and not run.
func TestExpiredRequestsAreNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		p, _, stop := servePipesOf(t, native.Protocol{}, map[string]*transport.Server{
			"Slow": rawServer(func(context.Context, any) (any, error) {
				time.Sleep(time.Second) // of the bubble's time
				return []byte{}, nil
			}),
			"Counted": rawServer(func(context.Context, any) (any, error) { ran.Add(1); return []byte{}, nil }),
		}, transport.ServiceMaxInFlight(1, 100))
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		frames := request(t, 1, "Slow", "")
		for id := range uint32(3) {
			m := &transport.Message{Method: "Counted", Timeout: 100 * time.Millisecond}
			var err error
			if frames, err = (native.Protocol{}).AppendRequest(frames, 2+id, m); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := nc.Write(frames); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			bounded.Receive(t, answers)
		}
		if n := ran.Load(); n != 0 {
			t.Errorf("%d requests were run after their time", n)
		}
		nc.Close()
	})
}
