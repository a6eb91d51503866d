package endpoint

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/metrics"

	"github.com/muxkit/muxkit/muxpool"
)

// Metrics are what Instrumenting feeds. A nil field is left out.
//
// The label "outcome" is "ok", "business" (the answer is a failed
// endpoint.Failer), "not sent" (the request reached no peer: no node, an open
// breaker, a limit, no connection) or "failed".
type Metrics struct {
	Calls    metrics.Counter   // calls that ended, by outcome
	Seconds  metrics.Histogram // how long they took, by outcome
	InFlight metrics.Gauge     // calls that have not ended; no outcome
}

type outcome uint8

const (
	outcomeOK outcome = iota
	outcomeBusiness
	outcomeNotSent
	outcomeFailed
)

var outcomes = [...]string{"ok", "business", "not sent", "failed"}

func outcomeOf(response any, err error) outcome {
	switch {
	case err == nil && failed(response) == nil:
		return outcomeOK
	case err == nil:
		return outcomeBusiness
	case !maybeSent(err):
		return outcomeNotSent
	}
	return outcomeFailed
}

// Instrumenting counts and times calls. labelValues are pairs of a label and its
// value that all of m get, besides "outcome". Labels are bound here, not on the
// call path. A call that panics counts as failed.
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
			how := outcomeFailed // remains if next panics
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
			how = outcomeOf(response, err)
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
