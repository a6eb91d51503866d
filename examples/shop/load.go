package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/go-kit/kit/auth/jwt"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/muxkit/muxkit/endpoint/filesd"
	"github.com/muxkit/muxkit/endpoint/prommux"
	"github.com/muxkit/muxkit/muxpool/deadline"
)

// load calls the shop at a fixed rate, as many independent callers do: that some wait for a sick
// node does not keep the others from calling.
type load struct {
	nodes   *filesd.Instancer
	client  *client
	methods map[string]method
	token   string        // of the customer for whom all calls are made
	timeout time.Duration // of a call: what is left of it travels through both hops
}

// newLoad returns a caller of the shop with the certificate of the edge, and a customer's token.
func newLoad(dir string, timeout time.Duration) (l *load, err error) {
	key, err := readKey(customersKey(dir))
	if err != nil {
		return nil, err
	}
	l = &load{timeout: timeout}
	if l.nodes, err = followNodes(dir, shop); err != nil {
		return nil, err
	}
	if l.token, err = tokenFor("ann", time.Now().Add(12*time.Hour), key); err != nil {
		return nil, errors.Join(err, l.close())
	}
	by := seen{slog.New(slog.NewTextHandler(io.Discard, nil)), noop.NewTracerProvider(), prommux.NewCalls()}
	if l.client, err = newClient(shop, l.nodes, filesOf(dir, edge), defaults(), by); err != nil {
		return nil, errors.Join(err, l.close())
	}
	l.methods = l.client.methods(shop)
	return l, nil
}

func (l *load) close() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	if l.client != nil {
		err = l.client.shutdown(ctx)
	}
	l.nodes.Stop()
	return err
}

// result is what a caller saw of one call.
type result struct {
	method string
	nonce  string
	late   time.Duration // how long after it was due it was made
	took   time.Duration // since it was due
	err    error
}

// buyEvery: of so many calls one is a purchase.
const buyEvery = 4

// run makes rate calls a second until ctx ends, and returns when all have ended what became of
// them. When it is late it catches up.
func (l *load) run(ctx context.Context, rate int, tell func(result)) {
	var calls sync.WaitGroup
	defer calls.Wait()
	every := time.Second / time.Duration(rate)
	for i, due := 0, time.Now(); sleep(ctx, time.Until(due)) == nil; i, due = i+1, due.Add(every) {
		name := look
		if i%buyEvery == 0 {
			name = buy
		}
		calls.Go(func() { tell(l.call(name, due)) })
	}
}

// call makes one call, under a deadline of its own: the end of a load cuts none.
func (l *load) call(name string, due time.Time) result {
	r := result{method: name, nonce: rand.Text(), late: time.Since(due)}
	ctx, cancel := deadline.WithTimeout(context.Background(), l.timeout) // cheaper than package context's
	defer cancel()
	id := rand.Text()
	ctx = withRequestID(context.WithValue(ctx, jwt.JWTContextKey, l.token), id)
	answer, err := l.methods[name](ctx, Request{Item: "tea", Nonce: r.nonce})
	r.took = time.Since(due)
	if r.err = err; err == nil {
		r.err = fits(answer, r.nonce, id)
	}
	return r
}

// errWrongAnswer is an answer that belongs to another call.
var errWrongAnswer = errors.New("the answer does not fit the call")

// fits checks that an answer is that of the call, and came the whole way.
func fits(answer Answer, nonce, id string) error {
	if answer.Nonce != nonce || len(answer.Hops) != len(services) {
		return fmt.Errorf("%w: %+v", errWrongAnswer, answer)
	}
	for i, hop := range answer.Hops {
		if hop.Service != services[i] || hop.RequestID != id || hop.Customer != "ann" {
			return fmt.Errorf("%w: %+v", errWrongAnswer, hop)
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
