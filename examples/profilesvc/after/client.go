package main

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/examples/profilesvc"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// newClient returns a Service whose calls go to the nodes that take them.
func newClient(nodes []string, logger log.Logger) (profilesvc.Service, func(), error) {
	pool, err := muxpool.New()
	if err != nil {
		return nil, nil, err
	}
	breakers := breaker.NewGroup()
	unwatch := breakers.Watch(pool)
	set := muxendpoint.NewSet(sd.FixedInstancer(nodes), logger,
		muxendpoint.WithBreakers(breakers), muxendpoint.WithRetry(3, 3*time.Second))
	method := func(name string, idempotent bool) endpoint.Endpoint {
		return set.Endpoint(name, func(n muxtransport.Node) *muxtransport.Client {
			return muxtransport.NewClient(pool, n, native.Protocol{}, name,
				muxtransport.EncodeJSON, muxtransport.DecodeJSON[profilesvc.Response],
				muxtransport.ClientBefore(sendRequestID))
		}, muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: idempotent}))
	}
	return profilesvc.Endpoints{
		PostProfileEndpoint:   method("profiles.Post", false), // repeated if it surely was not run
		GetProfileEndpoint:    method("profiles.Get", true),
		PutProfileEndpoint:    method("profiles.Put", true),
		DeleteProfileEndpoint: method("profiles.Delete", false),
	}, func() { set.Close(); unwatch(); breakers.Close(); pool.Close() }, nil
}

func sendRequestID(ctx context.Context, m *muxtransport.Message) context.Context {
	m.Set("request-id", profilesvc.RequestID(ctx))
	return ctx
}
