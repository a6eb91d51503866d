package endpoint

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// clientOf makes Clients of a method over the native protocol.
func clientOf(t testing.TB, method string) func(transport.Node) *transport.Client {
	pool := newPool(t)
	return func(n transport.Node) *transport.Client {
		return transport.NewClient(pool, n, native.Protocol{}, method, transport.EncodeBytes, transport.DecodeBytes)
	}
}

// retrying calls a method of the services at addresses, with retries.
func retryingOver(t testing.TB, method string, addresses []string, opts ...Option) endpoint.Endpoint {
	s := NewSet(sd.FixedInstancer(addresses), nil, append([]Option{WithRetry(3, 10*time.Second), WithIdempotent(Always)}, opts...)...)
	t.Cleanup(s.Close)
	return s.Endpoint(method, clientOf(t, method))
}

// relaying serves Relay, which calls Work with retries of its own.
func relaying(t testing.TB, work string, opts ...Option) (address string) {
	inner := retryingOver(t, "Work", []string{work}, opts...)
	address, _ = serve(t, "Relay", func(string) endpoint.Endpoint { return inner })
	return address
}

// Two layers of services, each with retries, and the first burst of calls fails at the
// bottom: each layer adds a tenth of what it gets and what its budget starts with, and
// they do not multiply each other beyond that.
func TestRetriesOfTwoLayersDoNotMultiply(t *testing.T) {
	var bottom atomic.Int64
	work, _ := serve(t, "Work", func(string) endpoint.Endpoint {
		return func(context.Context, any) (any, error) {
			bottom.Add(1)
			return nil, errors.New("broken")
		}
	})
	outer := retryingOver(t, "Relay", []string{relaying(t, work)})
	const calls = 64
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			_, err := outer(ctx, []byte("x"))
			as[*RetryError](t, err)
		})
	}
	bounded.Wait(t, wg.Wait)
	bound := int64(calls)
	for range 2 {
		bound += bound/10 + 10
	}
	if n := bottom.Load(); n > bound {
		t.Errorf("%d calls at the bottom of %d, more than %d", n, calls, bound)
	}
}

// A service that has used its own attempts says so, and the layer above makes none.
func TestALayerDoesNotRepeatWhatTheLayerBelowHas(t *testing.T) {
	var bottom atomic.Int64
	work, _ := serve(t, "Work", func(string) endpoint.Endpoint {
		return func(context.Context, any) (any, error) {
			bottom.Add(1)
			return nil, errors.New("broken")
		}
	})
	outer := retryingOver(t, "Relay", []string{relaying(t, work, WithoutBudget())}, WithoutBudget())
	_, err := outer(t.Context(), []byte("x"))
	e := as[*RetryError](t, err)
	equal(t, "gave up", e.GaveUp, GaveUpNoRetry)
	equal(t, "attempts of the layer above", len(e.Attempts), 1)
	equal(t, "calls at the bottom", bottom.Load(), 3)
}

// A service whose caller is at its second attempt makes only one of its own, and does
// not hedge.
func TestALayerDoesNotRepeatWhatTheLayerAboveDoes(t *testing.T) {
	for name, opts := range map[string][]Option{
		"retries": {WithoutBudget()},
		"hedges":  {WithoutBudget(), WithHedging(time.Millisecond)},
		"shares":  {WithoutBudget(), WithRetry(3, 3*time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var seen []int                                                      // attempts at the bottom, by the outer call's
			beside := []chan struct{}{make(chan struct{}), make(chan struct{})} // closed by the second of them
			work := func(string) endpoint.Endpoint {
				return func(_ context.Context, request any) (any, error) {
					n := request.([]byte)[0]
					mu.Lock()
					if seen[n]++; seen[n] == 2 {
						close(beside[n])
					}
					mu.Unlock()
					if wait := map[string]time.Duration{"hedges": 50 * time.Millisecond, "shares": 1500 * time.Millisecond}[name]; wait > 0 {
						select { // long enough for another one to come
						case <-beside[n]:
						case <-time.After(wait):
						}
					}
					return nil, errors.New("broken")
				}
			}
			a, _ := serve(t, "Work", work)
			b, _ := serve(t, "Work", work)
			inner := retryingOver(t, "Work", []string{a, b}, opts...)
			address, _ := serve(t, "Relay", func(string) endpoint.Endpoint {
				return func(ctx context.Context, _ any) (any, error) {
					mu.Lock()
					seen = append(seen, 0)
					n := byte(len(seen) - 1)
					mu.Unlock()
					if got := transport.CallerAttempt(ctx); got != int(n)+1 {
						t.Errorf("attempt %d is told as %d", n+1, got)
					}
					_, err := inner(ctx, []byte{n})
					var e *RetryError
					if want := []GaveUp{GaveUpAttempts, GaveUpCaller}[n]; !errors.As(err, &e) || e.GaveUp != want {
						t.Errorf("attempt %d of the caller: %v", n+1, err)
					}
					return nil, errors.New("said nothing of that")
				}
			})
			outer := retryingOver(t, "Relay", []string{address}, WithRetry(2, 10*time.Second), WithoutBudget())
			outer(t.Context(), []byte("x"))
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(seen, []int{3, 1}) {
				t.Errorf("attempts at the bottom for each of the caller's: %v", seen)
			}
		})
	}
}
