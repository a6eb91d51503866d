package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/admin"
	"github.com/muxkit/muxkit/endpoint/etcdsd"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// method is a method of the service, as it is called.
type method = muxendpoint.Typed[Request, Answer]

// client is the calling side: what a program writes that calls a service whose nodes etcd names.
type client struct {
	etcd      *clientv3.Client
	instancer *etcdsd.Instancer
	pool      *muxpool.Multiplexed
	breakers  *breaker.Group
	unwatch   func()
	set       *muxendpoint.Set
	methods   map[string]method
	page      *admin.Handler
}

// newClient returns a client that prefers the nodes of a zone; "" is none. chosen hears of each node that is chosen for an
// attempt.
func newClient(zone, etcd string, logs io.Writer, chosen func(node string)) (c *client, err error) {
	c = &client{unwatch: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	logger := log.With(log.NewLogfmtLogger(log.NewSyncWriter(logs)), "at", log.DefaultTimestampUTC)
	if c.etcd, err = clientv3.New(etcdsd.ClientConfig(addresses(etcd)...)); err != nil {
		return nil, err
	}
	if c.instancer, err = etcdsd.NewInstancer(c.etcd, prefix, etcdsd.WithLogger(logger)); err != nil {
		return nil, err
	}
	if c.pool, err = muxpool.New(muxpool.WithConnectNumber(2), muxpool.WithKeepAlive(500*time.Millisecond)); err != nil {
		return nil, err
	}
	c.breakers = breaker.NewGroup()
	c.unwatch = c.breakers.Watch(c.pool)
	c.set = muxendpoint.NewSet(c.instancer, logger,
		muxendpoint.WithZone(zone),
		muxendpoint.WithService(service),
		muxendpoint.WithBreakers(c.breakers),
		muxendpoint.WithRetry(4, 0), // in the time of the caller's context
		muxendpoint.WithPerTryTimeout(time.Second),
		muxendpoint.WithNodeMiddleware(func(_ string, n muxpool.Node) endpoint.Middleware {
			return func(next endpoint.Endpoint) endpoint.Endpoint {
				return func(ctx context.Context, request any) (any, error) {
					chosen(n.Address)
					return next(ctx, request)
				}
			}
		}))
	c.methods = map[string]method{read: c.method(read, true), pay: c.method(pay, false)}
	if c.page, err = admin.New(admin.WithSet(c.set), admin.WithBreakers("", c.breakers), admin.WithPool("", c.pool)); err != nil {
		return nil, err
	}
	return c, errors.Join(c.set.Err(), c.breakers.Err())
}

func (c *client) method(name string, idempotent bool) method {
	return muxendpoint.TypedFrom[Request, Answer](c.set.Endpoint(name, func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(c.pool, n, native.Protocol{}, name, muxtransport.EncodeJSON, muxtransport.DecodeJSON[Answer])
	}, muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: idempotent})))
}

// ServeHTTP serves the page for operators.
func (c *client) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.page.ServeHTTP(w, r) }

// close ends the client from the outside in.
func (c *client) close() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if c.page != nil {
		c.page.Close()
	}
	if c.set != nil {
		err = c.set.Shutdown(ctx)
	}
	c.unwatch()
	if c.breakers != nil {
		c.breakers.Close()
	}
	if c.pool != nil {
		err = errors.Join(err, c.pool.Shutdown(ctx))
	}
	if c.instancer != nil {
		c.instancer.Stop()
	}
	if c.etcd != nil {
		err = errors.Join(err, c.etcd.Close())
	}
	return err
}
