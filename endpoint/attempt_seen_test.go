package endpoint

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// An attempt has a context of its own for everybody who can see it, and nobody else pays for it.
func TestAnAttemptIsToldToWhoCanSeeIt(t *testing.T) {
	for name, c := range map[string]struct {
		unseen bool
		client func(see func(context.Context)) []transport.ClientOption
		dec    func(see func(context.Context)) transport.DecodeResponseFunc
		opts   func(see func(context.Context)) []Option
		group  func(see func(context.Context)) []breaker.Option
		pool   func(see func(context.Context), p muxpool.Pool) muxpool.Pool
		later  func(see func(context.Context), g *breaker.Group) // after the first call
	}{
		"nobody": {unseen: true},
		"a hook": {client: func(see func(context.Context)) []transport.ClientOption {
			return []transport.ClientOption{transport.ClientBefore(func(ctx context.Context, _ *transport.Message) context.Context {
				see(ctx)
				return ctx
			})}
		}},
		"a codec": {dec: func(see func(context.Context)) transport.DecodeResponseFunc {
			return func(ctx context.Context, m *transport.Message) (any, error) {
				see(ctx)
				return transport.DecodeBuffer(ctx, m)
			}
		}},
		"a middleware": {opts: func(see func(context.Context)) []Option {
			return []Option{WithNodeMiddleware(func(string, muxpool.Node) endpoint.Middleware {
				return func(next endpoint.Endpoint) endpoint.Endpoint {
					return func(ctx context.Context, request any) (any, error) {
						see(ctx)
						return next(ctx, request)
					}
				}
			})}
		}},
		"a classifier": {group: func(see func(context.Context)) []breaker.Option {
			return []breaker.Option{breaker.WithClassifier(seeing(see))}
		}},
		"a classifier that came later": {later: func(see func(context.Context), g *breaker.Group) {
			g.Update(breaker.WithClassifier(seeing(see)))
		}},
		"a pool": {pool: func(see func(context.Context), p muxpool.Pool) muxpool.Pool { return seeingPool{p, see} }},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			seen := 0
			see := func(ctx context.Context) {
				mu.Lock()
				defer mu.Unlock()
				if a, ok := AttemptFromContext(ctx); ok && a.Number == 1 && a.Node.Address != "" {
					seen++
				}
			}
			w := newWorld(t, native.Protocol{})
			var pool muxpool.Pool = w.pool
			if c.pool != nil {
				pool = c.pool(see, pool)
			}
			opts := []Option{WithRetry(3, time.Minute)}
			if c.opts != nil {
				opts = append(opts, c.opts(see)...)
			}
			var settings []breaker.Option
			if c.group != nil {
				settings = c.group(see)
			}
			g := breaker.NewGroup(settings...)
			defer g.Close()
			dec := transport.DecodeBuffer
			if c.dec != nil {
				dec = c.dec(see)
			}
			var options []transport.ClientOption
			if c.client != nil {
				options = c.client(see)
			}
			s := NewSet(sd.FixedInstancer{w.node.String()}, nil, append(opts, WithBreakers(g))...)
			defer s.Close()
			ep := s.Endpoint("Echo", func(n transport.Node) *transport.Client {
				return transport.NewClient(pool, n, native.Protocol{}, "Echo", transport.EncodeBuffer, dec, options...)
			})
			request := transport.NewBuffer(128)
			if err := callEcho(ep, request); err != nil {
				t.Fatal(err)
			}
			if c.later != nil {
				c.later(see, g)
				if err := callEcho(ep, request); err != nil {
					t.Fatal(err)
				}
			}
			if (seen > 0) == c.unseen {
				t.Errorf("the attempt was seen %d times", seen)
			}
			if c.unseen && !s.methods[0].view.Load().nodes[0].ignoresContext() {
				t.Error("a context is made although nobody sees it")
			}
		})
	}
}

func seeing(see func(context.Context)) breaker.Classifier {
	return func(ctx context.Context, response any, err error) breaker.Outcome {
		see(ctx)
		return breaker.DefaultClassifier(ctx, response, err)
	}
}

// seeingPool is a pool of the user's.
type seeingPool struct {
	muxpool.Pool
	see func(context.Context)
}

func (p seeingPool) GetMuxConn(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
	p.see(ctx)
	return p.Pool.GetMuxConn(ctx, network, address, opts)
}

// The chain around a Client that sees no contexts allocates nothing of its own.
func TestTheChainAllocatesWhatItsClientDoes(t *testing.T) {
	if testing.CoverMode() != "" || raceEnabled {
		t.Skip("coverage counts, and the race detector makes sync.Pool forget on purpose")
	}
	w := newWorld(t, native.Protocol{})
	request := transport.NewBuffer(128)
	allocs := func(ep endpoint.Endpoint) float64 {
		return bounded.Allocs(500, func() {
			if err := callEcho(ep, request); err != nil {
				t.Fatal(err)
			}
		})
	}
	client, chain := allocs(w.client.Endpoint()), allocs(w.chain(t))
	if chain > client {
		t.Errorf("%v allocations a call in the chain, %v without", chain, client)
	}
}
