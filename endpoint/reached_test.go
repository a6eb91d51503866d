package endpoint

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// A middleware of a node says last how an attempt ended. What it says of another call, as of one that
// an audit could not be sent, does not have the node run this one again.
func TestWhatANodeHasRunIsNotUnsentForItsMiddleware(t *testing.T) {
	audit := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	after := func(err error) endpoint.Middleware {
		return func(next endpoint.Endpoint) endpoint.Endpoint {
			return func(ctx context.Context, request any) (any, error) {
				if _, own := next(ctx, request); own != nil && err == nil {
					return nil, own
				}
				return nil, err
			}
		}
	}
	before := func(err error) endpoint.Middleware {
		return func(endpoint.Endpoint) endpoint.Endpoint { return failing(err) }
	}
	again := func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			next(ctx, request)
			return next(ctx, request)
		}
	}
	for name, row := range map[string]struct {
		answers []error // of the nodes, one after another; then the last
		mw      endpoint.Middleware
		runs    int
		ran     verdict.Ran
	}{
		"it ran, and the audit was refused":        {[]error{nil}, after(audit), 1, verdict.Yes},
		"it ran, and a breaker is open":            {[]error{nil}, after(gobreaker.ErrOpenState), 1, verdict.Yes},
		"it may have run, and a limit is reached":  {[]error{io.EOF}, after(ratelimit.ErrLimited), 1, verdict.Maybe},
		"it may have run, and its repeat has not":  {[]error{io.EOF, errUnsent}, again, 2, verdict.Maybe},
		"its repeat may have run, and it has not":  {[]error{errUnsent, io.EOF}, again, 2, verdict.Maybe},
		"it was not sent, as the middleware says":  {[]error{errUnsent}, after(nil), 2, verdict.NotSent},
		"the middleware has not called the node":   {nil, before(gobreaker.ErrOpenState), 0, verdict.NotSent},
		"it was not sent, and neither was another": {[]error{errUnsent}, after(audit), 2, verdict.NotSent},
	} {
		runs := 0
		nodes := func(string) (endpoint.Endpoint, io.Closer, error) {
			return func(context.Context, any) (any, error) {
				runs++
				return nil, row.answers[min(runs, len(row.answers))-1]
			}, nil, nil
		}
		through := WithNodeMiddleware(func(string, muxpool.Node) endpoint.Middleware { return row.mw })
		check := func(t *testing.T, call endpoint.Endpoint, most int) {
			t.Helper()
			runs = 0
			_, err := call(t.Context(), nil)
			if ran := verdict.Of(err).Ran; runs != most || ran != row.ran {
				t.Errorf("%s: %d runs, want %d; %v, want %v: %v", name, runs, most, ran, row.ran, err)
			}
			if row.ran == verdict.Yes && !errors.Is(err, audit) && !errors.Is(err, gobreaker.ErrOpenState) {
				t.Errorf("%s: %v", name, err)
			}
		}
		synctest.Test(t, func(t *testing.T) {
			s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithRetry(3, time.Second), WithoutWait(), through)
			defer s.Close()
			check(t, s.EndpointFrom("Pay", nodes), row.runs)
			if row.ran == verdict.NotSent {
				return // what others are asked then
			}
			// One that may run twice has three attempts, which are overseen.
			check(t, s.EndpointFrom("Put", nodes, WithIdempotent(Always)), 3*row.runs)
			// A balancer of go-kit's knows nothing of nodes.
			b := newConfig([]Option{through})
			one, _, err := b.build("Pay", newMember(muxpool.Node{Address: "a:1"}), ofFactory(nodes))
			if err != nil {
				t.Fatal(err)
			}
			check(t, Retry(3, time.Second, lb.NewRoundRobin(sd.FixedEndpointer{one.Call})), row.runs)
		})
	}
}
