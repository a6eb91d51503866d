package prommux

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/prometheus/client_golang/prometheus"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/rpcstatus"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// Calls measures how long calls take. It looks at each: a measurement on the server, and on
// the client one of the call and one of each attempt. It is safe for concurrent use.
type Calls struct {
	system string
	err    error // of the options

	server, client, attempt *prometheus.HistogramVec

	methods sync.Map // of key to *durations
}

// NewCalls makes a Calls, for any number of Sets and Services; it is to be registered as the
// other collectors are. It takes WithLabels, WithBuckets and WithSystem. An option that makes
// no sense is told when it is registered, and nothing is measured.
func NewCalls(options ...Option) *Calls {
	c := newConfig(options)
	vec := func(name, help string, more ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, ConstLabels: c.labels, Buckets: c.buckets},
			append([]string{"rpc_system_name", "rpc_method", "rpc_status_code", "error_type"}, more...))
	}
	calls := &Calls{system: c.system, err: c.err,
		server:  vec("rpc_server_call_duration_seconds", "Duration of incoming calls."),
		client:  vec("rpc_client_call_duration_seconds", "Duration of outgoing calls, with all attempts.", "server_address"),
		attempt: vec("muxkit_client_attempt_duration_seconds", "Duration of the attempts of outgoing calls.", "server_address"),
	}
	if _, ok := c.labels["le"]; ok {
		calls.err = errors.New("prommux: invalid option: WithLabels: le is a label of histograms")
	}
	if err := prometheus.NewRegistry().Register(calls); err != nil {
		calls.err = err // and no series can be made
	}
	return calls
}

// Describe implements prometheus.Collector.
func (c *Calls) Describe(ch chan<- *prometheus.Desc) {
	if c.err != nil {
		ch <- prometheus.NewInvalidDesc(c.err)
	}
	for _, v := range []*prometheus.HistogramVec{c.server, c.client, c.attempt} {
		v.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (c *Calls) Collect(ch chan<- prometheus.Metric) {
	for _, v := range []*prometheus.HistogramVec{c.server, c.client, c.attempt} {
		v.Collect(ch)
	}
}

// Client is an option of a Set, or of one of its endpoints. service is the label
// server_address, the name by which the Set's service is known; empty leaves it out. The place
// of the option among others of WithMiddleware is that of the measurement.
func (c *Calls) Client(service string) muxendpoint.Option {
	if c.err != nil {
		return muxendpoint.Options()
	}
	timed := func(vec *prometheus.HistogramVec, method string) endpoint.Middleware {
		d := c.durations(vec, rpcstatus.Client, method, label(service))
		return func(next endpoint.Endpoint) endpoint.Endpoint {
			return func(ctx context.Context, request any) (any, error) { return d.call(ctx, request, next) }
		}
	}
	return muxendpoint.Options(
		muxendpoint.WithMiddleware(func(method string) endpoint.Middleware { return timed(c.client, method) }),
		muxendpoint.WithNodeMiddleware(func(method string, _ muxpool.Node) endpoint.Middleware { return timed(c.attempt, method) }))
}

// Server is an option of a Service. Calls are measured from when their frame was read, those
// that were refused included; methods that the Service does not have are _OTHER.
func (c *Calls) Server() muxtransport.ServiceOption {
	if c.err != nil {
		return muxtransport.ServiceObserve()
	}
	methods := &served{calls: c}
	methods.of(rpcstatus.Other)
	return muxtransport.ServiceObserve(func(ctx context.Context, call muxtransport.ObservedCall) (context.Context, func(*muxtransport.Message)) {
		method := rpcstatus.Other
		if call.Known {
			method = call.Method
		}
		d := methods.of(method)
		return ctx, func(answer *muxtransport.Message) {
			code := verdict.CodeInternal
			switch {
			case answer == nil:
			case answer.Err == nil:
				code = 0
			default:
				code = answer.Err.Code.Travels()
			}
			d.observe(call.Arrived, code)
		}
	})
}

// served are the methods of a Service that were called.
type served struct {
	calls *Calls
	known atomic.Pointer[map[string]*durations] // not changed in place
}

func (s *served) of(method string) *durations {
	for {
		old := s.known.Load()
		if old != nil && (*old)[method] != nil {
			return (*old)[method]
		}
		all := make(map[string]*durations)
		if old != nil {
			maps.Copy(all, *old)
		}
		all[method] = s.calls.durations(s.calls.server, rpcstatus.Server, method)
		s.known.CompareAndSwap(old, &all)
	}
}

// durations are the measurements of one method. The histogram of each status is found when
// a call ends so for the first time.
type durations struct {
	vec    *prometheus.HistogramVec
	side   rpcstatus.Side
	labels func(status, failed string) []string
	by     [256]atomic.Pointer[prometheus.Observer] // by code
}

// key is what durations are found by.
type key struct {
	vec             *prometheus.HistogramVec
	method, service string
}

func (c *Calls) durations(vec *prometheus.HistogramVec, side rpcstatus.Side, method string, service ...string) *durations {
	k := key{vec: vec, method: method}
	if len(service) > 0 {
		k.service = service[0]
	}
	if d, ok := c.methods.Load(k); ok {
		return d.(*durations)
	}
	method = label(method)
	d := &durations{vec: vec, side: side, labels: func(status, failed string) []string {
		return append([]string{c.system, method, status, failed}, service...)
	}}
	d.of(0) // a rate begins at 0
	known, _ := c.methods.LoadOrStore(k, d)
	return known.(*durations)
}

// of returns the histogram of calls that end with code.
func (d *durations) of(code verdict.Code) prometheus.Observer {
	if o := d.by[code].Load(); o != nil {
		return *o
	}
	status, failed := rpcstatus.Of(code), ""
	if d.side.Failed(code) {
		failed = status
	}
	o := d.vec.WithLabelValues(d.labels(status, failed)...)
	d.by[code].Store(&o)
	return o
}

func (d *durations) observe(begin time.Time, code verdict.Code) {
	d.of(code).Observe(time.Since(begin).Seconds())
}

// call measures a call, or an attempt. One that panics counts as internal, and the panic goes on.
func (d *durations) call(ctx context.Context, request any, next endpoint.Endpoint) (response any, err error) {
	begin, code := time.Now(), verdict.CodeInternal
	defer func() { d.observe(begin, code) }()
	response, err = next(ctx, request)
	code = verdict.Call(ctx, response, err).Code
	return response, err
}
