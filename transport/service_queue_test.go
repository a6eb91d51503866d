package transport_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/transport"
)

// TestBlockedCallsDelayNobody: of requests that come in one write, some block, one
// ends its goroutine; all others are answered, and the blocked ones all run.
func TestBlockedCallsDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var blocked atomic.Int32
		release := make(chan struct{})
		p, _, stop := servePipes(t, map[string]*transport.Server{
			"Block": rawServer(func(_ context.Context, request any) (any, error) {
				blocked.Add(1)
				<-release
				return request, nil
			}),
			"Exit": rawServer(func(context.Context, any) (any, error) { runtime.Goexit(); return nil, nil }),
			"Echo": rawServer(echo),
		})
		defer stop()
		nc := p.dial(t)
		var all []byte
		const each = 50
		for i := range uint32(each) {
			all = append(all, request(t, 3*i+1, "Block", "b")...)
			all = append(all, request(t, 3*i+2, "Exit", "")...)
			all = append(all, request(t, 3*i+3, "Echo", "e")...)
		}
		go func() { _, _ = nc.Write(all) }()
		for range each {
			if a, err := readAnswer(nc); err != nil || a.id%3 != 0 || a.body != "e" {
				t.Fatalf("got %+v, %v, want the answer of an Echo", a, err)
			}
		}
		synctest.Wait()
		if n := blocked.Load(); n != each {
			t.Errorf("%d blocked calls run, want %d", n, each)
		}
		close(release)
		for range each {
			if a, err := readAnswer(nc); err != nil || a.id%3 != 1 || a.body != "b" {
				t.Fatalf("got %+v, %v, want the answer of a Block", a, err)
			}
		}
	})
}

// TestKeptContextIsNobodyElses: the context of a call that is done stays its own, while
// its Service and its client serve others.
func TestKeptContextIsNobodyElses(t *testing.T) {
	for _, inline := range []bool{false, true} {
		var options []transport.ServerOption
		if inline {
			options = append(options, transport.ServerInline())
		}
		var kept []context.Context
		s := serve(t, map[string]*transport.Server{
			"Keep": rawServer(func(ctx context.Context, request any) (any, error) {
				kept = append(kept, ctx)
				return request, nil
			}, options...),
			"Echo": rawServer(echo, options...),
		})
		pool := newPool(t)
		keepClient := transport.ClientBefore(func(ctx context.Context, _ *transport.Message) context.Context {
			kept = append(kept, ctx)
			return ctx
		})
		keep := rawClient(pool, s.node, "Keep", keepClient, transport.ClientTimeout(waitTime))
		other := rawClient(pool, s.node, "Echo")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := keep(ctx, []byte("1")); err != nil {
			t.Fatal(err)
		}
		cancel()
		for range 100 {
			if _, err := other(t.Context(), []byte("2")); err != nil {
				t.Fatal(err)
			}
		}
		for i, ctx := range kept {
			if ctx.Err() != context.Canceled || ctx.Value(transport.ContextKeyMethod) != "Keep" {
				t.Errorf("inline %v: context %d is of %v, and its error %v", inline, i, ctx.Value(transport.ContextKeyMethod), ctx.Err())
			}
		}
	}
}
