package otelmux

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// figures are instruments that are read when somebody collects.
type figures struct {
	maker
	common []attribute.KeyValue
	all    []metric.Observable
}

func newFigures(c config) *figures {
	return &figures{maker: maker{Meter: c.meter()}, common: c.attributes}
}

// total makes a counter whose sum is known.
func (f *figures) total(name, unit, description string) metric.Int64ObservableCounter {
	i, err := f.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	f.note(err)
	f.all = append(f.all, i)
	return i
}

// seconds is total for times.
func (f *figures) seconds(name, description string) metric.Float64ObservableCounter {
	i, err := f.Float64ObservableCounter(name, metric.WithUnit("s"), metric.WithDescription(description))
	f.note(err)
	f.all = append(f.all, i)
	return i
}

// now makes a figure that rises and falls, and of which those of several processes can be added.
func (f *figures) now(name, unit, description string) metric.Int64ObservableUpDownCounter {
	i, err := f.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	f.note(err)
	f.all = append(f.all, i)
	return i
}

// with makes the set of attributes of a series, beforehand where that is possible.
func (f *figures) with(attributes ...attribute.KeyValue) metric.ObserveOption {
	return metric.WithAttributeSet(attribute.NewSet(append(slices.Clip(f.common), attributes...)...))
}

// collect has observe called when somebody collects, until stop is called.
func (f *figures) collect(observe metric.Callback) (stop func() error, err error) {
	if err := f.err(); err != nil {
		return notCollecting, err
	}
	r, err := f.RegisterCallback(observe, f.all...)
	if err != nil {
		return notCollecting, err
	}
	return r.Unregister, nil
}

func notCollecting() error { return nil }
