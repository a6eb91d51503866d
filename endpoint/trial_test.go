package endpoint

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/transport"
)

// A node's ejection is over just now, and calls come, one each millisecond: which of them tries
// it, and when, with each policy. "put" is not idempotent.
func TestWhoTriesANodeOut(t *testing.T) {
	const ms = time.Millisecond
	idempotent := []Option{WithRetry(3, 0), WithIdempotent(Always)}
	for name, c := range map[string]struct {
		nodes []string                                  // beside the one
		opts  []Option                                  // of get
		get   time.Duration                             // when the first get comes; 0: none does
		ctx   func(ctx context.Context) context.Context // of get
		sick  bool                                      // the node is not well yet
		who   string                                    // of the first call that goes there
		after time.Duration                             // from the end of the ejection, and no later than 20 ms after that
	}{
		"calls that may not be repeated alone": {nodes: []string{"b:1"}, who: "put", after: trialTime},
		"they have no other node":              {who: "put", after: 0},
		"one that can be repeated":             {nodes: []string{"b:1"}, opts: idempotent, get: ms, who: "get", after: 1 * ms},
		"one among many nodes":                 {nodes: []string{"b:1", "c:1", "d:1", "e:1", "f:1"}, opts: idempotent, get: 30 * ms, who: "get", after: 30 * ms},
		"one that can be repeated once":        {nodes: []string{"b:1"}, opts: []Option{WithRetry(2, 0), WithIdempotent(Always)}, get: ms, who: "get", after: 1 * ms},
		"one that comes late":                  {nodes: []string{"b:1"}, opts: idempotent, get: 200 * ms, who: "put", after: trialTime},
		"the node is not well":                 {nodes: []string{"b:1"}, opts: idempotent, get: 50 * ms, sick: true, who: "get", after: 50 * ms},
		"no attempt is left to repeat it":      {nodes: []string{"b:1"}, opts: []Option{WithRetry(1, 0), WithIdempotent(Always)}, get: ms, after: trialTime},
		"a Set that does not retry":            {nodes: []string{"b:1"}, opts: []Option{WithIdempotent(Always)}, get: ms, after: trialTime},
		"idempotent by its own option": {nodes: []string{"b:1"}, opts: []Option{WithRetry(3, 0)}, get: 20 * ms, who: "get", after: 20 * ms,
			ctx: func(ctx context.Context) context.Context { return WithCallOptions(ctx, CallIdempotent(true)) }},
	} {
		for _, p := range policies {
			t.Run(fmt.Sprint(name, ", ", p), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := breaker.NewGroup(breaker.WithoutJitter())
					defer g.Close()
					var who string
					var at, over time.Time
					f := &shop{fleet: fleet{do: func(n transport.Node, ctx context.Context) error {
						if n != node("a") {
							return nil
						}
						if who == "" {
							who, at = ctx.Value(whoKey{}).(string), time.Now()
						}
						if c.sick && !over.IsZero() {
							return errLost
						}
						return nil
					}}}
					s := NewSet(append(sd.FixedInstancer{"a:1"}, c.nodes...), nil, WithBreakers(g), WithPolicy(p))
					defer s.Close()
					get, put := s.EndpointFrom("get", f.factory, c.opts...), s.EndpointFrom("put", f.factory)
					call := func(name string, ctx context.Context) {
						ctx = context.WithValue(ctx, whoKey{}, name)
						ep := put
						if name == "get" {
							ep = get
						}
						if _, err := ep(ctx, nil); err != nil {
							t.Errorf("%s, after %v: %v", name, time.Since(over), err)
						}
					}
					call("put", t.Context())
					g.Trip(node("a"), errors.New("sick"))
					time.Sleep(500 * ms) // until the ejection is over
					synctest.Wait()
					who, over = "", time.Now()
					for d := time.Duration(0); d < 300*ms && !(c.sick && who != ""); d += ms {
						if c.get > 0 && d >= c.get {
							ctx := t.Context()
							if c.ctx != nil {
								ctx = c.ctx(ctx)
							}
							call("get", ctx)
						}
						call("put", t.Context())
						time.Sleep(ms)
					}
					if took := at.Sub(over); who == "" || c.who != "" && who != c.who || took < c.after || took > c.after+20*ms {
						t.Errorf("%q tried it after %v", who, took)
					}
				})
			})
		}
	}
}

type whoKey struct{}
