package otelmux

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/muxkit/muxkit/internal/rpcstatus"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// durations measures how long calls of one method took, by how they ended. The sets of
// attributes are made beforehand.
type durations struct {
	histogram metric.Float64Histogram
	sets      [256]metric.MeasurementOption // by code
}

func newDurations(h metric.Float64Histogram, s side, common []attribute.KeyValue) *durations {
	d := &durations{histogram: h}
	byStatus := make(map[string]metric.MeasurementOption)
	for c := range d.sets {
		code := verdict.Code(c)
		key := rpcstatus.Of(code)
		if s.Failed(code) {
			key += " failed"
		}
		if byStatus[key] == nil {
			byStatus[key] = metric.WithAttributeSet(attribute.NewSet(append(slices.Clip(common), s.outcome(code)...)...))
		}
		d.sets[c] = byStatus[key]
	}
	return d
}

// record measures a call that began at begin.
func (d *durations) record(ctx context.Context, begin time.Time, c verdict.Code) {
	d.histogram.Record(ctx, time.Since(begin).Seconds(), d.sets[c])
}

// maker makes instruments, and gathers what went wrong.
type maker struct {
	metric.Meter
	errs []error
}

func (m *maker) note(err error) {
	if err != nil {
		m.errs = append(m.errs, err)
	}
}

func (m *maker) err() error { return errors.Join(m.errs...) }

func (m *maker) seconds(name, description string, bounds ...float64) metric.Float64Histogram {
	h, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(bounds...))
	m.note(err)
	return h
}

func (m *maker) numbers(name, unit, description string, bounds ...float64) metric.Int64Histogram {
	h, err := m.Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(bounds...))
	m.note(err)
	return h
}

func (m *maker) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.note(err)
	return c
}
