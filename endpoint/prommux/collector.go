package prommux

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/muxkit/muxkit/internal/text"
)

// maxText bounds the values of labels, in bytes.
const maxText = 256

// collector is a prometheus.Collector whose figures are read when it is asked.
type collector struct {
	labels prometheus.Labels
	descs  []*prometheus.Desc
	read   func(*scrape) // may run several times at once
}

func newCollector(c config) *collector { return &collector{labels: c.labels} }

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := &scrape{of: make(map[series]int)}
	c.read(s)
	for _, v := range s.values {
		m, err := prometheus.NewConstMetric(v.family.desc, v.family.kind, v.value, v.labels[:v.family.variable]...)
		if err != nil {
			m = prometheus.NewInvalidMetric(v.family.desc, err)
		}
		ch <- m
	}
}

// family is one metric, with a series for each combination of its labels.
type family struct {
	desc     *prometheus.Desc
	kind     prometheus.ValueType
	variable int // labels
}

func (c *collector) family(kind prometheus.ValueType, name, help string, variable []string) *family {
	f := &family{desc: prometheus.NewDesc("muxkit_"+name, help, variable, c.labels), kind: kind, variable: len(variable)}
	c.descs = append(c.descs, f.desc)
	return f
}

func (c *collector) gauge(name, help string, labels ...string) *family {
	return c.family(prometheus.GaugeValue, name, help, labels)
}

func (c *collector) counter(name, help string, labels ...string) *family {
	return c.family(prometheus.CounterValue, name, help, labels)
}

// maxLabels is how many labels a family has at most.
const maxLabels = 4

// series is what tells a series from others.
type series struct {
	family *family
	labels [maxLabels]string
}

// value is what a scrape tells of one series.
type value struct {
	series
	value float64
}

// scrape is what one scrape tells. Figures of the same labels are added: two texts may
// be the same when they are bounded.
type scrape struct {
	values []value
	of     map[series]int // index in values
}

// add adds v to a series. Values of labels that are others' texts go through label first.
func (s *scrape) add(f *family, v float64, values ...string) {
	at := series{family: f}
	copy(at.labels[:], values)
	i, ok := s.of[at]
	if !ok {
		i = len(s.values)
		s.of[at] = i
		s.values = append(s.values, value{series: at})
	}
	s.values[i].value += v
}

// count is add for a number of things.
func count[N int | int64 | uint64](s *scrape, f *family, n N, values ...string) {
	s.add(f, float64(n), values...)
}

// label makes the value of a label of a text.
func label(s string) string { return text.Shown(s, maxText) }
