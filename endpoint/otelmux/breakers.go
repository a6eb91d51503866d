package otelmux

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/muxkit/muxkit/breaker"
)

// Breakers counts the ejections of a group's breakers from now on, by reason, and has the
// number of nodes in each state collected, until stop is called. Services are told by the
// names that Sets have for the group (WithService); nodes are not told. gRPC's counterparts,
// of its proposal A91, are grpc.lb.outlier_detection.ejections_enforced and _unenforced.
//
// It takes WithMeterProvider and WithAttributes; without a provider it does nothing.
func Breakers(group *breaker.Group, options ...Option) (stop func() error, err error) {
	c := newConfig(options)
	if !c.measured() {
		return notCollecting, nil
	}
	f := newFigures(c)
	ejections := f.counter("muxkit.breaker.ejections", "{ejection}", "Times that a breaker opened, by reason.")
	nodes := f.now("muxkit.breaker.nodes", "{node}", "Nodes with a breaker, by its state.")
	leave, err := f.collect(func(_ context.Context, o metric.Observer) error {
		for at, n := range census(group.Status()) {
			o.ObserveInt64(nodes, n, f.with(attribute.String("muxkit.service", at.service), attribute.String("muxkit.breaker.state", at.state.String())))
		}
		return nil
	})
	if err != nil {
		return leave, err
	}
	cancel := group.Subscribe(func(ch breaker.Change) {
		if ch.To != breaker.Open || ch.From == breaker.Open {
			return
		}
		of := "node"
		if ch.Method != "" {
			of = "method"
		}
		ejections.Add(context.Background(), 1, metric.WithAttributeSet(attribute.NewSet(append([]attribute.KeyValue{
			attribute.String("muxkit.service", ch.Scope), attribute.String("muxkit.reason", ch.Reason.String()),
			attribute.String("muxkit.ejected", of), attribute.Bool("muxkit.enforced", !ch.Observed)}, f.common...)...)))
	})
	return func() error {
		cancel()
		return leave()
	}, nil
}

// stateOf is a state of a breaker in a service.
type stateOf struct {
	service string
	state   breaker.State
}

// census counts nodes. States in which none is are there as well, so that a figure goes back
// to 0 and does not end.
func census(all []breaker.Status) map[stateOf]int64 {
	n := make(map[stateOf]int64)
	for _, s := range all {
		for _, state := range []breaker.State{breaker.Closed, breaker.Open, breaker.HalfOpen} {
			n[stateOf{s.Scope, state}] += 0
		}
		if s.Live { // and not remembered only
			n[stateOf{s.Scope, s.State}]++
		}
	}
	return n
}
