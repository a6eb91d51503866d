package main

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// What the client allows. A call's deadline has room for an attempt that ends
// without an answer, and for another elsewhere.
const (
	callTimeout   = 5 * time.Second
	perTryTimeout = time.Second
	slow          = 250 * time.Millisecond // that calls must not take as a rule
)

// client is the calling side: what a service writes that uses muxkit.
type client struct {
	pool     *muxpool.Multiplexed
	breakers *breaker.Group // nil without breakers
	unwatch  func()
	set      *muxendpoint.Set

	get, put muxendpoint.Typed[[]byte, []byte]
}

// watcher hears what happens below the calls.
type watcher interface {
	changed(breaker.Change)
	sending(muxpool.Node)  // a request, now
	answered(muxpool.Node) // a request, well
}

// newClient returns a client of the nodes at addresses.
func newClient(addresses []string, policy muxendpoint.Policy, guarded bool, w watcher) (*client, error) {
	pool, err := muxpool.New(muxpool.WithKeepAlive(500 * time.Millisecond))
	if err != nil {
		return nil, err
	}
	c := &client{pool: pool, unwatch: func() {}}
	options := []muxendpoint.Option{
		muxendpoint.WithPolicy(policy),
		muxendpoint.WithRetry(4, 0),
		muxendpoint.WithPerTryTimeout(perTryTimeout),
		// The default, 10% of the calls, protects nodes that fail because of load. A
		// third of the nodes failing half of the calls needs more.
		muxendpoint.WithBudget(muxendpoint.NewBudget(1, 1000)),
	}
	if guarded {
		c.breakers = newBreakers(pool, w.changed)
		c.unwatch = c.breakers.Watch(pool)
		options = append(options, muxendpoint.WithBreakers(c.breakers))
	}
	c.set = muxendpoint.NewSet(sd.FixedInstancer(addresses), nil, options...)
	if err := errors.Join(c.set.Err(), c.guardErr()); err != nil {
		return nil, errors.Join(err, c.close())
	}
	c.get = c.method(methodGet, w, muxendpoint.WithIdempotent(muxendpoint.Always))
	c.put = c.method(methodPut, w) // a retry only where the node surely did not get it
	return c, nil
}

func (c *client) method(name string, w watcher, options ...muxendpoint.Option) muxendpoint.Typed[[]byte, []byte] {
	return muxendpoint.TypedFrom[[]byte, []byte](c.set.Endpoint(name, func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(c.pool, n, native.Protocol{}, name, muxtransport.EncodeBytes, muxtransport.DecodeBytes,
			muxtransport.ClientBefore(func(ctx context.Context, _ *muxtransport.Message) context.Context {
				w.sending(n)
				return ctx
			}),
			muxtransport.ClientFinalizer(func(_ context.Context, err error) {
				if err == nil {
					w.answered(n)
				}
			}))
	}, options...))
}

func newBreakers(pool muxpool.Pool, changed func(breaker.Change)) *breaker.Group {
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(native.Protocol{})
	return breaker.NewGroup(
		breaker.WithListener(changed),
		breaker.WithDetectors(
			breaker.ConsecutiveFailures(5),
			breaker.FailureRate(0.25, time.Second, 20),
			breaker.SlowCalls(slow, 0.25, time.Second, 5)),
		breaker.WithEjectionTime(500*time.Millisecond, time.Second),
		breaker.WithProbe(breaker.PoolProbe(pool, opts, tryGet), 200*time.Millisecond),
		breaker.WithProbeTimeout(slow))
}

// tryGet is a probe: a call that harms nobody.
func tryGet(_ context.Context, conn muxpool.MuxConn) error {
	asked := nonce()
	frame, err := native.Protocol{}.AppendRequest(nil, conn.VID(), &muxtransport.Message{Method: methodGet, Body: asked})
	if err == nil {
		err = conn.Write(frame)
	}
	if err == nil {
		frame, err = conn.Read()
	}
	answer := muxtransport.Message{Method: methodGet}
	if err == nil {
		err = native.Protocol{}.ParseResponse(frame, &answer)
	}
	if err == nil && !bytes.Equal(answer.Body, asked) {
		err = errWrongAnswer
	}
	return err
}

func (c *client) guardErr() error {
	if c.breakers == nil {
		return nil
	}
	return c.breakers.Err()
}

// close ends the client from the outside in, so that calls in flight end well.
func (c *client) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	err := c.set.Shutdown(ctx)
	c.unwatch()
	if c.breakers != nil {
		c.breakers.Close()
	}
	return errors.Join(err, c.pool.Close())
}
