package main

import (
	"context"
	"errors"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/examples/quickstart/addsvc"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// client is the calling side: what a service writes that uses muxkit.
type client struct {
	pool     *muxpool.Multiplexed
	breakers *breaker.Group
	unwatch  func()
	set      *muxendpoint.Set
	ledger   *ledger

	sum    muxendpoint.Typed[addsvc.SumRequest, addsvc.SumResponse]
	concat muxendpoint.Typed[addsvc.ConcatRequest, addsvc.ConcatResponse]
}

// newClient returns a client of the service that runs on instances.
func newClient(instances []string, logger log.Logger, more ...muxendpoint.Option) (*client, error) {
	pool, err := muxpool.New(muxpool.WithConnectNumber(2))
	if err != nil {
		return nil, err
	}
	breakers := breaker.NewGroup(
		breaker.WithEjectionTime(500*time.Millisecond, 2*time.Second),
		// Without ConsecutiveFailures, the calls that fail when a node dies do not
		// open its breaker before the pool has said its word.
		breaker.WithDetectors(breaker.FailureRate(0.5, 10*time.Second, 20)))
	c := &client{pool: pool, breakers: breakers, unwatch: breakers.Watch(pool), ledger: newLedger(breakers)}
	options := []muxendpoint.Option{
		muxendpoint.WithBreakers(breakers),
		muxendpoint.WithRetry(3, time.Second),
		muxendpoint.WithIdempotent(muxendpoint.Always), // adding twice does no harm
		muxendpoint.WithNodeMiddleware(c.ledger.middleware),
	}
	c.set = muxendpoint.NewSet(sd.FixedInstancer(instances), logger, append(options, more...)...)
	if err := c.set.Err(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	sending := muxtransport.ClientBefore(c.ledger.sending)
	c.sum = muxendpoint.TypedFrom[addsvc.SumRequest, addsvc.SumResponse](c.set.Endpoint(addsvc.MethodSum,
		func(n muxtransport.Node) *muxtransport.Client { return addsvc.NewSumClient(pool, n, sending) }))
	c.concat = muxendpoint.TypedFrom[addsvc.ConcatRequest, addsvc.ConcatResponse](c.set.Endpoint(addsvc.MethodConcat,
		func(n muxtransport.Node) *muxtransport.Client { return addsvc.NewConcatClient(pool, n, sending) }))
	return c, nil
}

// close ends the client from the outside in, so that calls in flight end well.
func (c *client) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := c.set.Shutdown(ctx)
	c.unwatch()
	c.breakers.Close()
	return errors.Join(err, c.pool.Shutdown(ctx))
}
