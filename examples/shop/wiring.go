package main

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/admin"
	"github.com/muxkit/muxkit/endpoint/otelmux"
	"github.com/muxkit/muxkit/endpoint/prommux"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// This file is a service's wiring, and printed in docs/production.md, whole.

// seen is by what a process is seen.
type seen struct {
	logger  *slog.Logger
	tracers trace.TracerProvider
	calls   *prommux.Calls // how long they take, incoming and outgoing ones
}

// client is the calling side: all that a process needs to call a service.
type client struct {
	pool     *muxpool.Multiplexed
	breakers *breaker.Group
	unwatch  func()
	set      *muxendpoint.Set
	tls      func(*muxpool.GetOptions)
}

// newClient returns a client of a service whose nodes discovery names.
func newClient(service string, discovery sd.Instancer, own files, s settings, by seen) (*client, error) {
	pool, err := muxpool.New(
		muxpool.WithConnectNumber(2),
		muxpool.WithMaxFrameSize(64<<10),              // as ServiceMaxFrameSize
		muxpool.WithDialTimeout(500*time.Millisecond), // with TLS
		muxpool.WithMaxConnAge(30*time.Minute))        // a renewed certificate is in use by then
	if err != nil {
		return nil, err
	}
	c := &client{pool: pool, breakers: breaker.NewGroup(s.forBreakers()...)}
	c.unwatch = c.breakers.Watch(pool)
	c.tls = func(o *muxpool.GetOptions) { o.WithDialTLS(own.certificate, own.key, own.authority, hostOf(service)) }
	options := []muxendpoint.Option{
		muxendpoint.WithService(service),
		muxendpoint.WithBreakers(c.breakers),
		otelmux.Client(service, otelmux.WithTracerProvider(by.tracers)),
		by.calls.Client(service),
		muxendpoint.WithLogging(by.logger, 0), // calls that failed, after all their attempts
	}
	c.set = muxendpoint.NewSet(discovery, muxendpoint.Slog(by.logger), append(options, s.forRetries()...)...)
	return c, errors.Join(c.breakers.Err(), c.set.Err())
}

// method is a method of the service. One that is not idempotent is repeated only if it was surely not
// run.
func (c *client) method(name string, idempotent bool) method {
	return muxendpoint.TypedFrom[Request, Answer](c.set.Endpoint(name, func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(c.pool, n, native.Protocol{}, name,
			muxtransport.EncodeJSON, muxtransport.DecodeJSON[Answer],
			muxtransport.ClientBefore(sendCarried),
			muxtransport.ClientGetOptions(c.tls))
	}, muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: idempotent})))
}

// apply puts other settings in force, for calls that begin from now on: all, or none.
func (c *client) apply(old, s settings) error {
	if err := c.set.Update(s.forRetries()...); err != nil {
		return err
	}
	if err := c.breakers.Update(s.forBreakers()...); err != nil {
		return errors.Join(err, c.set.Update(old.forRetries()...))
	}
	return nil
}

// shutdown ends the client from the outside in.
func (c *client) shutdown(ctx context.Context) error {
	err := c.set.Shutdown(ctx)
	c.unwatch()
	c.breakers.Close()
	return errors.Join(err, c.pool.Shutdown(ctx))
}

// newService returns the serving side. caller is who may call it, customers is the key that
// customers' tokens are signed with.
func newService(g *goods, caller string, customers crypto.PublicKey, own files, by seen) *muxtransport.Service {
	service := muxtransport.NewService(native.Protocol{},
		muxtransport.ServiceTLSFiles(own.certificate, own.key, own.authority), // mTLS; read again when they change
		muxtransport.ServiceMaxConns(1000),
		muxtransport.ServiceMaxInFlight(256, 1024), // beyond that calls are refused, unrun
		muxtransport.ServiceMaxFrameSize(64<<10),
		muxtransport.ServiceMaxBytes(0, 64<<20),
		muxtransport.ServiceMaxConnAge(30*time.Minute),
		muxtransport.ServiceErrorHandler(reports{by.logger}),
		muxtransport.ServiceDescribe(muxtransport.ServerMiddleware(onlyFrom(hostOf(caller)))), // to whom it serves
		otelmux.Server(otelmux.WithTracerProvider(by.tracers)),
		by.calls.Server())
	for _, name := range []string{look, buy} {
		service.Handle(g.service+"."+name, muxtransport.NewServer(g.endpoint(name),
			muxtransport.DecodeJSON[Request], muxtransport.EncodeJSON,
			muxtransport.ServerTypes(muxtransport.JSONType[Request](), muxtransport.JSONType[Answer]()),
			muxtransport.ServerBefore(takeCarried),
			muxtransport.ServerMiddleware(admit(caller, customers)...)))
	}
	return service
}

// newOps serves what operators and their programs ask for: metrics, probes, the page, on which nodes
// can be drained. It is for a port that nobody else can reach. c is nil where nobody is called.
func newOps(name string, service *muxtransport.Service, c *client, by seen) (http.Handler, func(), error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(by.calls, prommux.Service(service))
	parts := []admin.Option{admin.WithService(name, service), admin.WithActions(muxendpoint.Slog(by.logger))}
	if c != nil {
		registry.MustRegister(prommux.Pool(c.pool), prommux.Breakers(c.breakers), prommux.Set(c.set))
		parts = append(parts, admin.WithSet(c.set), admin.WithBreakers("", c.breakers), admin.WithPool("", c.pool))
	}
	page, err := admin.New(parts...)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("/debug/mux", page)
	mux.Handle("/", service.HealthHandler()) // /healthz and /readyz
	return mux, page.Close, nil
}

// reports logs what goes wrong on a Service's connections.
type reports struct{ *slog.Logger }

// Handle implements go-kit's transport.ErrorHandler.
func (r reports) Handle(ctx context.Context, err error) { r.WarnContext(ctx, "connection", "err", err) }
