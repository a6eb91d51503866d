package prommux

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/muxkit/muxkit/internal/rpcstatus"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// Service collects the figures of a Service, which are its Stats and Health. It takes
// WithLabels.
func Service(service *muxtransport.Service, options ...Option) prometheus.Collector {
	c := newCollector(newConfig(options))
	f := newServiceFamilies(c)
	c.read = func(s *scrape) {
		serving := 0
		if service.Health("") == muxtransport.HealthServing {
			serving = 1
		}
		count(s, f.serving, serving)
		stats := service.Stats()
		f.load(s, &stats)
		f.past(s, &stats)
	}
	return c
}

type serviceFamilies struct {
	serving                                             *family
	conns, maxConns, inFlight, maxInFlight              *family
	waiting, maxWaiting, working, workers, bytes, limit *family
	running, calls, refused                             *family
}

func newServiceFamilies(c *collector) *serviceFamilies {
	return &serviceFamilies{
		serving:     c.gauge("service_serving", "1 while the service says that it takes calls, else 0."),
		conns:       c.gauge("service_open_connections", "Open connections."),
		maxConns:    c.gauge("service_max_open_connections", "Limit of the open connections."),
		inFlight:    c.gauge("service_in_flight_calls", "Calls in flight, those that wait included."),
		maxInFlight: c.gauge("service_max_in_flight_calls", "Limit of the calls in flight."),
		waiting:     c.gauge("service_waiting_calls", "Calls that wait for a worker."),
		maxWaiting:  c.gauge("service_max_waiting_calls", "Limit of the calls that wait for a worker."),
		working:     c.gauge("service_busy_workers", "Workers that run calls."),
		workers:     c.gauge("service_max_workers", "Workers; 0 if there are as many as are needed."),
		bytes:       c.gauge("service_used_bytes", "Bytes that calls and connections use."),
		limit:       c.gauge("service_max_bytes", "Limit of the bytes that calls and connections use."),
		running:     c.gauge("service_running_calls", "Calls that are run, by method.", "method"),
		calls:       c.counter("service_calls_total", "Calls that ended, by method and code; error_type is the code where the service has failed.", "method", "code", "error_type"),
		refused:     c.counter("service_refused_total", "Calls that were not run, and connections that were not accepted, by the limit or reason.", "reason"),
	}
}

// load tells what the Service does, and what it takes at most.
func (f *serviceFamilies) load(s *scrape, st *muxtransport.ServiceStats) {
	count(s, f.conns, st.Conns)
	count(s, f.maxConns, st.Limits.MaxConns)
	count(s, f.inFlight, st.InFlight)
	count(s, f.maxInFlight, st.Limits.MaxInFlight)
	count(s, f.waiting, st.Waiting)
	count(s, f.maxWaiting, st.Limits.MaxWaiting)
	count(s, f.working, st.Working)
	count(s, f.workers, st.Limits.Workers)
	count(s, f.bytes, st.Bytes)
	count(s, f.limit, st.Limits.MaxBytes)
	for method, m := range st.Methods {
		count(s, f.running, m.Running, label(method))
	}
}

// past tells what the Service has done. Calls that were refused for another reason than
// their method are told by the reason alone.
func (f *serviceFamilies) past(s *scrape, st *muxtransport.ServiceStats) {
	ended := func(method string, code verdict.Code, n uint64) {
		status, failed := rpcstatus.Of(code), ""
		if rpcstatus.Server.Failed(code) {
			failed = status
		}
		count(s, f.calls, n, method, status, failed)
	}
	for method, m := range st.Methods {
		method = label(method)
		ended(method, 0, m.OK)
		for code, n := range m.Errors {
			ended(method, code, n)
		}
	}
	ended(rpcstatus.Other, verdict.CodeUnimplemented, st.Refused.Unknown)
	for reason, n := range refusals(&st.Refused) {
		count(s, f.refused, n, reason)
	}
}

// refusals names each reason to refuse.
func refusals(r *muxtransport.RefusedStats) map[string]uint64 {
	return map[string]uint64{
		"connections": r.Conns, "calls of a connection": r.ConnCalls, "calls": r.Calls, "waiting": r.Waiting, "waited": r.Waited,
		"bytes of a connection": r.ConnBytes, "bytes": r.Bytes, "frame too large": r.FrameTooLarge, "metadata": r.Metadata,
		"connections of a peer": r.PeerConns, "calls of a peer": r.PeerCalls, "bytes of a peer": r.PeerBytes,
		"unknown method": r.Unknown, "invalid": r.Invalid, "going away": r.GoingAway,
	}
}
