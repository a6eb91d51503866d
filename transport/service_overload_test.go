package transport_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// offered is what became of calls that came at a rate.
type offered struct {
	took                  []time.Duration // of those that were answered
	refused, late, others int
	back                  []time.Duration // when those that were refused were to come back
}

func (o *offered) at(q float64) time.Duration {
	slices.Sort(o.took)
	return o.took[int(q*float64(len(o.took)-1))]
}

// offer makes so many calls a second, at random, for a while, each of which has a second.
func offer(call func(context.Context, any) (any, error), perSecond int, during time.Duration) *offered {
	var o offered
	var mu sync.Mutex
	var callers sync.WaitGroup
	random := rand.New(rand.NewPCG(1, 2))
	for start := time.Now(); time.Since(start) < during; {
		time.Sleep(time.Duration(random.ExpFloat64() * float64(time.Second) / float64(perSecond))) // of bubble time
		callers.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			began := time.Now()
			_, err := call(ctx, []byte("x"))
			mu.Lock()
			defer mu.Unlock()
			var e *transport.Error
			switch {
			case err == nil:
				o.took = append(o.took, time.Since(began))
			case errors.As(err, &e) && e.Code == transport.CodeResourceExhausted && e.NotRun:
				o.refused++
				o.back = append(o.back, e.RetryAfter)
			case errors.Is(err, context.DeadlineExceeded):
				o.late++
			default:
				o.others++
			}
		})
	}
	callers.Wait()
	return &o
}

// TestAdaptiveLimit: eight workers, whose calls take 10 ms, run 800 a second. Offered
// twice and five times as many, they run as many, in time, and refuse the others; offered
// less, with a burst each second, they refuse nothing, nor when calls get slow.
func TestAdaptiveLimit(t *testing.T) {
	const workers, takes, during = 8, 10 * time.Millisecond, 3 * time.Second
	const capacity = int(workers * time.Second / takes)
	for _, tc := range []struct {
		of10    int // offered, in tenths of the capacity
		takes   time.Duration
		burst   int
		refuses bool
	}{
		{of10: 5, takes: takes, burst: 30},
		{of10: 7, takes: takes},
		{of10: 20, takes: takes, refuses: true},
		{of10: 50, takes: takes, refuses: true},
		{of10: 1, takes: 6 * takes}, // a slow database
	} {
		t.Run(fmt.Sprintf("%d tenths of the capacity, %v", tc.of10, tc.takes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
					time.Sleep(tc.takes)
					return r, nil
				})}, transport.ServiceWorkers(workers), transport.ServiceAdaptiveLimit(0))
				defer stop()
				pool := newPool(t, muxpool.WithConnectNumber(4), muxpool.WithDialContext(p.DialContext))
				defer pool.Close()
				call := rawClient(pool, pipeNode, "M")
				end := make(chan struct{})
				var bursts sync.WaitGroup
				bursts.Go(func() {
					for tc.burst > 0 {
						select {
						case <-end:
							return
						case <-time.After(time.Second):
						}
						if ok, refused, lost := callAll(tc.burst, call, time.Second); int(ok) != tc.burst {
							t.Errorf("of a burst %d were refused, %v", refused, lost)
						}
					}
				})
				first := offer(call, capacity*tc.of10/10, 500*time.Millisecond) // until it is noticed
				o := offer(call, capacity*tc.of10/10, during)
				close(end)
				bounded.Wait(t, bursts.Wait)
				good := len(o.took) * 100 / (capacity * int(during/time.Second)) // percent
				t.Logf("%d%% of the capacity answered, %d refused, %d late; median %v, p99 %v, longest %v", good, o.refused, o.late, o.at(0.5), o.at(0.99), o.at(1))
				if o.others > 0 {
					t.Errorf("%d calls are lost", o.others)
				}
				if !tc.refuses {
					if o.refused+o.late > 0 {
						t.Errorf("%d are refused, %d late", o.refused, o.late)
					}
					return
				}
				if good < 90 {
					t.Errorf("%d%% of the capacity are answered", good)
				}
				if o.late > 0 || o.at(1) > takes+15*time.Millisecond || first.at(1) > 250*time.Millisecond {
					t.Errorf("%d are late, the last takes %v, in the beginning %v", o.late, o.at(1), first.at(1))
				}
				if n := int(s.Stats().Refused.Waited); n != o.refused+first.refused || n == 0 {
					t.Errorf("%d are refused, %d counted", o.refused, n)
				}
				if least, most := slices.Min(o.back), slices.Max(o.back); least < 10*time.Millisecond || most > 100*time.Millisecond {
					t.Errorf("they are to come back after %v to %v", least, most)
				}
			})
		})
	}
}
