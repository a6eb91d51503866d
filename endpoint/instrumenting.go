package endpoint

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/metrics"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Metrics are what Instrumenting feeds. A nil field is left out.
//
// The label "outcome" says how a call, or an attempt, ended, by its verdict (see
// verdict.Call); the first that fits:
//
//	ok         it has its answer
//	business   the service did its work and says no: a failed endpoint.Failer, or CodeBusiness
//	canceled   its caller left, or another attempt was faster
//	caller     the request or this process is at fault: any node would say so
//	not sent   no peer got it: no node, an open breaker, a limit, no connection
//	refused    a server got it and did not run it
//	failed     any other failure
type Metrics struct {
	Calls    metrics.Counter   // calls that ended, by outcome
	Seconds  metrics.Histogram // how long they took, by outcome
	InFlight metrics.Gauge     // calls that have not ended; no outcome
}

type outcome uint8

const (
	outcomeOK outcome = iota
	outcomeBusiness
	outcomeCanceled
	outcomeCaller
	outcomeNotSent
	outcomeRefused
	outcomeFailed
)

var outcomes = [...]string{"ok", "business", "canceled", "caller", "not sent", "refused", "failed"}

func outcomeOf(v verdict.Verdict) outcome {
	switch {
	case v.Code == 0:
		return outcomeOK
	case v.Code == verdict.CodeBusiness:
		return outcomeBusiness
	case v.Code == verdict.CodeCanceled:
		return outcomeCanceled
	case v.Definitive():
		return outcomeCaller
	case v.Ran == verdict.NotSent:
		return outcomeNotSent
	case v.Ran == verdict.Refused:
		return outcomeRefused
	}
	return outcomeFailed
}

// Instrumenting counts and times calls. labelValues are pairs of a label and its
// value that all of m get, besides "outcome". Labels are bound here, not on the
// call path. A call that panics counts as one whose PanicError Recovery returns.
func Instrumenting(m Metrics, labelValues ...string) endpoint.Middleware {
	var calls [len(outcomes)]metrics.Counter
	var seconds [len(outcomes)]metrics.Histogram
	for i, name := range outcomes {
		with := append(append([]string(nil), labelValues...), "outcome", name)
		if m.Calls != nil {
			calls[i] = m.Calls.With(with...)
		}
		if m.Seconds != nil {
			seconds[i] = m.Seconds.With(with...)
		}
	}
	inFlight := m.InFlight
	if inFlight != nil {
		inFlight = inFlight.With(labelValues...)
	}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			begin := time.Now()
			how := outcomeOf(broken) // remains if next panics
			if inFlight != nil {
				inFlight.Add(1)
			}
			defer func() {
				if inFlight != nil {
					inFlight.Add(-1)
				}
				if calls[how] != nil {
					calls[how].Add(1)
				}
				if seconds[how] != nil {
					seconds[how].Observe(time.Since(begin).Seconds())
				}
			}()
			response, err = next(ctx, request)
			how = outcomeOf(verdict.Call(ctx, response, err))
			return response, err
		}
	}
}

// WithMetrics makes a Set instrument its logical calls, with the labels "method"
// and "outcome".
func WithMetrics(m Metrics) Option {
	return WithMiddleware(func(method string) endpoint.Middleware {
		return Instrumenting(m, "method", method)
	})
}

// WithTiming is WithMetrics for a histogram of seconds only.
func WithTiming(seconds metrics.Histogram) Option {
	return WithMetrics(Metrics{Seconds: seconds})
}

// WithAttemptMetrics makes a Set instrument each attempt, with the labels
// "method", "node" and "outcome". Attempts above the number of calls are retries
// and hedges.
func WithAttemptMetrics(m Metrics) Option {
	return WithNodeMiddleware(func(method string, node muxpool.Node) endpoint.Middleware {
		return Instrumenting(m, "method", method, "node", node.String())
	})
}
