package prommux

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Option sets one property of what it is given to; each names whom it is for, and others
// ignore it. Zero means the default.
type Option func(*config)

type config struct {
	labels   prometheus.Labels
	maxNodes int
	buckets  []float64
	system   string
	err      error // of NewCalls
}

// defaultMaxNodes is how many nodes have series of their own.
const defaultMaxNodes = 100

func newConfig(options []Option) config {
	c := config{maxNodes: defaultMaxNodes, buckets: buckets, system: "muxkit"}
	for _, option := range options {
		if option != nil {
			option(&c)
		}
	}
	return c
}

// WithLabels adds labels that all series of a collector have. Of several pools, groups of
// breakers or Services in one registry each needs one. A name that the collector has itself,
// or that is no name of a label, is told when the collector is registered.
func WithLabels(labels prometheus.Labels) Option {
	return func(c *config) {
		all := maps.Clone(c.labels)
		if all == nil {
			all = make(prometheus.Labels)
		}
		maps.Copy(all, labels)
		c.labels = all
	}
}

// WithMaxNodes sets how many nodes have series of their own, for Pool, Breakers and Set; the
// others are told together, as the node _other. Default 100; below 0: none, all are told
// together.
func WithMaxNodes(n int) Option {
	return func(c *config) {
		if n != 0 {
			c.maxNodes = max(n, 0)
		} else {
			c.maxNodes = defaultMaxNodes
		}
	}
}

// buckets are those that OpenTelemetry's conventions advise for the durations of calls, in seconds.
var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// WithBuckets sets the buckets of NewCalls, in seconds, in rising order. Default: those of
// OpenTelemetry's conventions, from 5 ms to 10 s.
func WithBuckets(seconds ...float64) Option {
	return func(c *config) {
		c.buckets = buckets
		for i, s := range seconds {
			if !(s > 0) || math.IsInf(s, 0) || i > 0 && s <= seconds[i-1] {
				c.err = fmt.Errorf("prommux: invalid option: WithBuckets(%v): not rising from above 0", seconds)
				return
			}
		}
		if len(seconds) > 0 {
			c.buckets = slices.Clone(seconds)
		}
	}
}

// WithSystem sets the label rpc_system_name of NewCalls: "jsonrpc" for JSON-RPC, as
// OpenTelemetry's conventions have it. Default "muxkit".
func WithSystem(name string) Option {
	return func(c *config) {
		if name != "" {
			c.system = name
		} else {
			c.system = "muxkit"
		}
	}
}
