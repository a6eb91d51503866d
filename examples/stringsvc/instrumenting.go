package stringsvc

import (
	"context"
	"fmt"
	"time"

	"github.com/go-kit/kit/metrics"
)

// Instrumenting counts and times every call of a Service, with the labels
// "method" and "error".
func Instrumenting(requestCount metrics.Counter, requestLatency metrics.Histogram) Middleware {
	return func(next Service) Service { return instrumenting{requestCount, requestLatency, next} }
}

type instrumenting struct {
	requestCount   metrics.Counter
	requestLatency metrics.Histogram
	next           Service
}

func (mw instrumenting) Uppercase(ctx context.Context, s string) (v string, err error) {
	defer func(begin time.Time) { mw.observe("uppercase", err, begin) }(time.Now())
	return mw.next.Uppercase(ctx, s)
}

func (mw instrumenting) Count(ctx context.Context, s string) int {
	defer mw.observe("count", nil, time.Now())
	return mw.next.Count(ctx, s)
}

func (mw instrumenting) observe(method string, err error, begin time.Time) {
	labels := []string{"method", method, "error", fmt.Sprint(err != nil)}
	mw.requestCount.With(labels...).Add(1)
	mw.requestLatency.With(labels...).Observe(time.Since(begin).Seconds())
}
