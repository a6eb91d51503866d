package transport_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// callAll makes n calls at once, each with its number as its body, and reports how many
// were answered with that, how many refused unrun, and the errors of the others.
func callAll(n int, call func(context.Context, any) (any, error), timeout time.Duration) (ok, refused int64, lost []error) {
	var callers sync.WaitGroup
	var mu sync.Mutex
	for i := range n {
		callers.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			want := fmt.Sprint(i)
			got, err := call(ctx, []byte(want))
			if err == nil && string(got.([]byte)) != want {
				err = fmt.Errorf("call %s got the answer %s", want, got)
			}
			mu.Lock()
			defer mu.Unlock()
			var e *transport.Error
			switch {
			case err == nil:
				ok++
			case errors.As(err, &e) && e.Code == transport.CodeResourceExhausted && e.NotRun:
				refused++
			default:
				lost = append(lost, err)
			}
		})
	}
	callers.Wait()
	return ok, refused, lost
}

// slowEcho answers after d, and notes the most calls that ran at once.
func slowEcho(d time.Duration, most *atomic.Int64) map[string]*transport.Server {
	var running atomic.Int64
	return map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
		defer running.Add(-1)
		for n := running.Add(1); ; {
			if old := most.Load(); old >= n || most.CompareAndSwap(old, n) {
				break
			}
		}
		time.Sleep(d)
		return r, nil
	})}
}

var pipeNode = transport.Node{Network: "tcp", Address: "pipe:1"}

// TestClientsKeepToTheLimitThatTheyAreTold: 1000 callers of a server that takes 100 calls
// a connection wait for each other, within their own time: none is refused, none lost,
// also not those of the first moment, when the limit has not been heard.
func TestClientsKeepToTheLimitThatTheyAreTold(t *testing.T) {
	for _, tc := range []struct {
		name              string
		limit, conns      int
		options           []muxpool.PoolOption
		most, dials, rest int64 // running at once; connections; seconds
	}{
		{"one connection", 100, 1, nil, 100, 1, 10},
		{"two", 100, 2, nil, 200, 2, 5},
		{"many are allowed", 4096, 1, nil, 1000, 1, 1}, // the hundred of the beginning does not cost a round
		{"the pool may grow", 100, 1, []muxpool.PoolOption{muxpool.WithMaxIdleConnsPerHost(1), muxpool.WithMaxConnsPerHost(10)}, 1000, 10, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var most atomic.Int64
				p, s, stop := servePipes(t, slowEcho(400*time.Millisecond, &most), transport.ServiceMaxInFlight(tc.limit, 0))
				defer stop()
				pool := newPool(t, append([]muxpool.PoolOption{muxpool.WithConnectNumber(tc.conns), muxpool.WithDialContext(p.DialContext)},
					tc.options...)...)
				defer pool.Close()
				start := time.Now()
				ok, refused, lost := callAll(1000, rawClient(pool, pipeNode, "M"), 5*time.Second)
				if ok != 1000 || refused != 0 || len(lost) > 0 || s.Stats().Refused != (transport.RefusedStats{}) {
					t.Errorf("%d answered, %d refused, lost %v", ok, refused, lost)
				}
				took, dials := time.Since(start), int64(pool.Stats().Dials)
				if most.Load() > tc.most || most.Load() < tc.most*9/10 || dials != tc.dials || took > time.Duration(tc.rest)*400*time.Millisecond+100*time.Millisecond {
					t.Errorf("at most %d ran, over %d connections, in %v", most.Load(), dials, took)
				}
			})
		})
	}
}

// TestBusyServerLosesNoConnection: more calls than a server takes on a connection, which
// last longer than the client waits for a pong: what is beyond waits, and nothing is lost.
func TestBusyServerLosesNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most atomic.Int64
		p, _, stop := servePipes(t, slowEcho(20*time.Second, &most))
		defer stop()
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(p.DialContext), muxpool.WithKeepAlive(2*time.Second))
		defer pool.Close()
		ok, refused, lost := callAll(4200, rawClient(pool, pipeNode, "M"), time.Hour)
		if ok != 4200 || refused != 0 || len(lost) > 0 || most.Load() != 4096 || pool.Stats().Dials != 1 {
			t.Errorf("%d answered, %d refused, %d ran at once, %d dials, lost %v", ok, refused, most.Load(), pool.Stats().Dials, lost)
		}
	})
}

// TestAFullConnectionCountsCallsThatWereLeft: whose caller has left runs on at the server
// until it is answered; until then nobody takes its place.
func TestAFullConnectionCountsCallsThatWereLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
			<-release // and not for its context
			return r, nil
		}), "Echo": rawServer(echo)}, transport.ServiceMaxInFlight(10, 0))
		defer stop()
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(p.DialContext))
		defer pool.Close()
		if _, err := rawClient(pool, pipeNode, "Echo")(context.Background(), []byte("x")); err != nil { // the settings have come
			t.Fatal(err)
		}
		if _, _, lost := callAll(10, rawClient(pool, pipeNode, "M"), time.Second); len(lost) != 10 {
			t.Fatalf("%d of 10 calls ended with their contexts", len(lost))
		}
		_, _, lost := callAll(10, rawClient(pool, pipeNode, "Echo"), time.Second)
		for _, err := range lost {
			if e := asError(t, err); e.Sent() || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "at most 10 calls are allowed on each") {
				t.Errorf("who waited got %v", err)
			}
		}
		if len(lost) != 10 || s.Stats().InFlight != 10 {
			t.Errorf("%d were kept waiting, %d are in flight", len(lost), s.Stats().InFlight)
		}
		close(release)
		synctest.Wait()
		if ok, _, _ := callAll(10, rawClient(pool, pipeNode, "Echo"), time.Second); ok != 10 || s.Stats().Refused.ConnCalls != 0 {
			t.Errorf("later %d of 10 were answered, %d refused", ok, s.Stats().Refused.ConnCalls)
		}
	})
}
