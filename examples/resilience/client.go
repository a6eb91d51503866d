package main

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

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

// guard is what stands between the calls and the nodes.
type guard uint8

const (
	unguarded guard = iota // nothing
	// usual are breakers as they are usually wired: one circuit a node, around every
	// call to it, for which every error is a failure.
	usual
	judged // muxkit's breakers, as they come
	// documented is the README's own wiring: muxkit's breakers, and calls wait for nodes.
	documented
)

// client is the calling side: what a service writes that uses muxkit. Its users share
// the pool and the breakers.
type client struct {
	pool     *muxpool.Multiplexed
	breakers *breaker.Group // nil without breakers
	unwatch  func()
	sets     []*muxendpoint.Set
	users    [2]user
}

// user has the endpoint of each method.
type user map[string]muxendpoint.Typed[[]byte, []byte]

const (
	good = iota
	bad  // one that makes mistakes
)

// watcher hears what happens below the calls.
type watcher interface {
	changed(breaker.Change)
	sending(n muxpool.Node, method string)  // a request, now
	answered(n muxpool.Node, method string) // a request, well
}

// idle is a watcher that does not care.
type idle struct{}

func (idle) changed(breaker.Change)        {}
func (idle) sending(muxpool.Node, string)  {}
func (idle) answered(muxpool.Node, string) {}

// newClient returns a client of the nodes that instancer names.
func newClient(instancer sd.Instancer, policy muxendpoint.Policy, g guard, w watcher) (*client, error) {
	if g == documented {
		return newDocumentedClient(instancer, w)
	}
	pool, err := muxpool.New(muxpool.WithKeepAlive(500 * time.Millisecond))
	if err != nil {
		return nil, err
	}
	c := &client{pool: pool, unwatch: func() {}}
	options := []muxendpoint.Option{
		muxendpoint.WithService("store"), // of both users: what one does would be the other's loss
		muxendpoint.WithPolicy(policy),
		muxendpoint.WithRetry(4, 0),
		muxendpoint.WithPerTryTimeout(perTryTimeout),
		muxendpoint.WithoutWait(), // by default calls would wait for nodes; what breakers do is seen without
		// The default, 10% of the calls, protects nodes that fail because of load. A
		// third of the nodes failing half of the calls needs more.
		muxendpoint.WithBudget(muxendpoint.NewBudget(1, 1000)),
	}
	if g != unguarded {
		c.breakers = newBreakers(g, pool, w.changed)
		c.unwatch = c.breakers.Watch(pool)
		options = append(options, c.guarded(g))
	}
	for i := range c.users {
		set := muxendpoint.NewSet(instancer, nil, options...)
		c.sets = append(c.sets, set)
		c.users[i] = c.methods(set, w)
		err = errors.Join(err, set.Err())
	}
	if c.breakers != nil {
		err = errors.Join(err, c.breakers.Err())
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// newDocumentedClient is what the README shows, and a listener.
func newDocumentedClient(instancer sd.Instancer, w watcher) (*client, error) {
	pool, err := muxpool.New(muxpool.WithConnectNumber(2))
	if err != nil {
		return nil, err
	}
	c := &client{pool: pool}
	c.breakers = breaker.NewGroup(breaker.WithMaxEjection(0.5), breaker.WithListener(w.changed))
	c.unwatch = c.breakers.Watch(pool)
	set := muxendpoint.NewSet(instancer, log.NewNopLogger(),
		muxendpoint.WithBreakers(c.breakers),
		muxendpoint.WithRetry(3, 500*time.Millisecond))
	c.sets = append(c.sets, set)
	c.users[good] = c.methods(set, w)
	if err := errors.Join(set.Err(), c.breakers.Err()); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// guarded puts the breakers where they belong.
func (c *client) guarded(g guard) muxendpoint.Option {
	if g == judged {
		return muxendpoint.WithBreakers(c.breakers)
	}
	return muxendpoint.WithNodeMiddleware(func(_ string, n muxpool.Node) endpoint.Middleware {
		return c.breakers.Middleware(n)
	})
}

func (c *client) methods(set *muxendpoint.Set, w watcher) user {
	u := user{}
	for _, name := range methods {
		var options []muxendpoint.Option
		if name != methodPut { // that is tried again only where the node surely did not run it
			options = append(options, muxendpoint.WithIdempotent(muxendpoint.Always))
		}
		u[name] = muxendpoint.TypedFrom[[]byte, []byte](set.Endpoint(name, func(n muxtransport.Node) *muxtransport.Client {
			return c.method(n, name, w)
		}, options...))
	}
	return u
}

// method calls a method of one node.
func (c *client) method(n muxpool.Node, name string, w watcher) *muxtransport.Client {
	return muxtransport.NewClient(c.pool, n, native.Protocol{}, name, muxtransport.EncodeBytes, muxtransport.DecodeBytes,
		muxtransport.ClientBefore(writeToken, func(ctx context.Context, _ *muxtransport.Message) context.Context {
			w.sending(n, name)
			return ctx
		}),
		muxtransport.ClientFinalizer(func(_ context.Context, err error) {
			if err == nil {
				w.answered(n, name)
			}
		}))
}

func newBreakers(g guard, pool muxpool.Pool, changed func(breaker.Change)) *breaker.Group {
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(native.Protocol{})
	options := []breaker.Option{
		breaker.WithListener(changed),
		breaker.WithDetectors(
			breaker.ConsecutiveFailures(5),
			breaker.FailureRate(0.25, time.Second, 20),
			breaker.SlowCalls(slow, 0.25, time.Second, 5)),
		breaker.WithEjectionTime(500*time.Millisecond, time.Second),
		breaker.WithProbe(breaker.PoolProbe(pool, opts, tryGet), 200*time.Millisecond),
		breaker.WithProbeTimeout(slow),
	}
	if g == usual {
		options = append(options, breaker.WithClassifier(everyError))
	}
	return breaker.NewGroup(options...)
}

// everyError is how breakers judge that do not know one error from another.
func everyError(_ context.Context, response any, err error) breaker.Outcome {
	if f, ok := response.(endpoint.Failer); err != nil || ok && f.Failed() != nil {
		return breaker.Failure
	}
	return breaker.Success
}

// tryGet is a probe: a call that harms nobody.
func tryGet(_ context.Context, conn muxpool.MuxConn) error {
	asked := nonce()
	request := muxtransport.Message{Method: methodGet, Body: asked}
	request.Set(tokenName, goodToken)
	frame, err := native.Protocol{}.AppendRequest(nil, conn.VID(), &request)
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

func withToken(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, tokenKey{}, token)
}

// close ends the client from the outside in, so that calls in flight end well.
func (c *client) close() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	for _, set := range c.sets {
		err = errors.Join(err, set.Shutdown(ctx))
	}
	c.unwatch()
	if c.breakers != nil {
		c.breakers.Close()
	}
	return errors.Join(err, c.pool.Close())
}
