package endpoint

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
)

// goodput offers 20% more calls than four nodes can take, of 20 calls in flight of 100 ms
// each, for a while, and counts those that were answered. What is over a node's limit it
// refuses unrun.
func goodput(t *testing.T, opts ...Option) (answered, offered int64) {
	const perSecond, seconds = 960, 20
	s := NewSet(sd.FixedInstancer{"a:1", "b:1", "c:1", "d:1"}, nil, append(opts, WithRetry(3, time.Second))...)
	defer s.Close()
	ep := s.EndpointFrom("Work", func(string) (endpoint.Endpoint, io.Closer, error) {
		var inside atomic.Int64
		return func(context.Context, any) (any, error) {
			defer inside.Add(-1)
			if inside.Add(1) > 20 {
				return nil, refused(transport.CodeResourceExhausted)
			}
			time.Sleep(100 * time.Millisecond)
			return nil, nil
		}, nil, nil
	})
	random := rand.New(rand.NewPCG(1, 2))
	var good, all atomic.Int64
	var wg sync.WaitGroup
	for end := time.Now().Add(seconds * time.Second); time.Now().Before(end); {
		time.Sleep(time.Duration(random.ExpFloat64() * float64(time.Second) / perSecond))
		all.Add(1)
		wg.Go(func() {
			if _, err := ep(t.Context(), nil); err == nil {
				good.Add(1)
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	return good.Load(), all.Load()
}

// Nodes that refuse what they cannot take are well: their breakers must not make less of
// them.
func TestBreakersCostNothingUnderOverload(t *testing.T) {
	for _, p := range policies {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			var without, with, all int64
			synctest.Test(t, func(t *testing.T) { without, all = goodput(t, WithPolicy(p)) })
			synctest.Test(t, func(t *testing.T) {
				g := breaker.NewGroup()
				defer g.Close()
				with, _ = goodput(t, WithPolicy(p), WithBreakers(g))
			})
			if with*100 < without*95 {
				t.Errorf("%d of %d calls answered with breakers, %d without", with, all, without)
			}
			t.Logf("%d of %d calls answered with breakers, %d without", with, all, without)
		})
	}
}
