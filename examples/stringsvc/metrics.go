package stringsvc

import (
	"expvar"
	"slices"
	"strings"

	"github.com/go-kit/kit/metrics"
)

// NewMetrics returns a counter and a histogram on the standard library's expvar:
// enough for an example without further modules. A service would take
// github.com/go-kit/kit/metrics/prometheus in their place.
func NewMetrics() (requestCount metrics.Counter, requestLatency metrics.Histogram, all *expvar.Map) {
	all = new(expvar.Map).Init()
	return counter{series{all, "request_count"}}, histogram{series{all, "request_latency_seconds_sum"}}, all
}

// series is a name with labels, a key in an expvar.Map.
type series struct {
	all *expvar.Map
	key string
}

func (s series) with(labelValues []string) series {
	return series{s.all, strings.Join(append([]string{s.key}, slices.Clone(labelValues)...), ",")}
}

type counter struct{ series }

func (c counter) With(labelValues ...string) metrics.Counter { return counter{c.with(labelValues)} }
func (c counter) Add(delta float64)                          { c.all.AddFloat(c.key, delta) }

type histogram struct{ series }

func (h histogram) With(labelValues ...string) metrics.Histogram {
	return histogram{h.with(labelValues)}
}
func (h histogram) Observe(value float64) { h.all.AddFloat(h.key, value) }
