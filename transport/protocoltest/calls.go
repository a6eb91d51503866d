package protocoltest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// waitTime is how long a check waits for what must come: those before it have seen to it
// that it does, unless the verdict is a bad one.
const waitTime = 20 * time.Second

// pair is a Service and a pool that reaches it.
type pair struct {
	k       *kit
	service *transport.Service
	pool    *muxpool.Multiplexed
	node    transport.Node
	release chan struct{} // lets calls of the slow body end
	ended   chan error    // how the context of a blocked call ended
	told    chan string   // bodies of one-way calls
}

// The endpoint does what the request's metadata would say, but not every protocol
// has some: so each behaviour has a method of its own.
const (
	slowMethod    = "Test.Slow"
	blockedMethod = "Test.Blocked"
	tellMethod    = "Test.Tell"
	failMethod    = "Test.Fail"
)

func (k *kit) newPair(t *testing.T) *pair {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := muxpool.New(muxpool.WithConnectNumber(1))
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{k: k, service: transport.NewService(k.server), pool: pool,
		node:    transport.Node{Network: "tcp", Address: l.Addr().String()},
		release: make(chan struct{}), ended: make(chan error, 1), told: make(chan string, 1)}
	handle := func(method string, e func(context.Context, any) (any, error)) {
		p.service.Handle(method, transport.NewServer(e, transport.DecodeBytes, transport.EncodeBytes))
	}
	handle(k.method, func(_ context.Context, r any) (any, error) { return r, nil })
	handle(slowMethod, func(_ context.Context, r any) (any, error) { <-p.release; return r, nil })
	handle(blockedMethod, func(ctx context.Context, _ any) (any, error) {
		<-ctx.Done()
		p.ended <- ctx.Err()
		return nil, ctx.Err()
	})
	handle(tellMethod, func(_ context.Context, r any) (any, error) { p.told <- string(r.([]byte)); return r, nil })
	handle(failMethod, func(context.Context, any) (any, error) { return nil, errors.New("it failed") })
	served := make(chan error, 1)
	go func() { served <- p.service.Serve(l) }()
	t.Cleanup(func() {
		pool.Close()
		p.service.Close()
		if err := <-served; !errors.Is(err, transport.ErrServiceClosed) {
			t.Error(err)
		}
	})
	return p
}

func (p *pair) call(ctx context.Context, method string, body []byte, options ...transport.ClientOption) ([]byte, error) {
	c := transport.NewClient(p.pool, p.node, p.k.p, method, transport.EncodeBytes, transport.DecodeBytes, options...)
	got, err := c.Endpoint()(ctx, body)
	b, _ := got.([]byte)
	return b, err
}

func callContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	t.Cleanup(cancel)
	return ctx
}

func (k *kit) testRoundTrips(t *testing.T) {
	p := k.newPair(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 20 {
				body := k.bodies[(i+j)%len(k.bodies)]
				if got, err := p.call(callContext(t), k.method, body); err != nil || !bytes.Equal(got, body) {
					t.Errorf("sent %.60q, got %.60q, %v", body, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func (k *kit) testOutOfOrder(t *testing.T) {
	p := k.newPair(t)
	type result struct {
		body []byte
		err  error
	}
	slow := make(chan result, 1)
	go func() {
		b, err := p.call(callContext(t), slowMethod, k.bodies[0])
		slow <- result{b, err}
	}()
	for range 10 {
		if got, err := p.call(callContext(t), k.method, k.bodies[1]); err != nil || !bytes.Equal(got, k.bodies[1]) {
			t.Fatalf("past a slow call: got %.60q, %v", got, err)
		}
	}
	close(p.release)
	if r := <-slow; r.err != nil || !bytes.Equal(r.body, k.bodies[0]) {
		t.Errorf("the slow call got %.60q, %v", r.body, r.err)
	}
}

func (k *kit) testErrorAnswers(t *testing.T) {
	p := k.newPair(t)
	for _, method := range []string{failMethod, "Test.Nowhere"} {
		_, err := p.call(callContext(t), method, k.bodies[0])
		var e *transport.Error
		if !errors.As(err, &e) || !e.Remote || !e.Sent() {
			t.Errorf("%s: got %v (%T), not an *Error from the peer", method, err, err)
			continue
		}
		if method != failMethod && e.Code != transport.CodeUnimplemented {
			t.Errorf("an unknown method was answered with code %v: %v", e.Code, e)
		}
		if method == failMethod && !bytes.Contains([]byte(e.Message), []byte("it failed")) {
			t.Errorf("the message of an error arrived as %q", e.Message)
		}
	}
	if _, err := p.call(callContext(t), k.method, k.bodies[0]); err != nil {
		t.Errorf("after error answers: %v", err)
	}
	if n := p.pool.Stats().Dials; n != 1 {
		t.Errorf("%d dials: an error answer cost the connection", n)
	}
}

func (k *kit) testOneWay(t *testing.T) {
	if _, ok := k.p.(transport.OneWayer); !ok {
		t.Skip("the protocol has no one-way calls")
	}
	p := k.newPair(t)
	if _, err := p.call(callContext(t), tellMethod, k.bodies[0], transport.ClientOneWay()); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-p.told:
		if got != string(k.bodies[0]) {
			t.Errorf("the server got %.60q", got)
		}
	case <-time.After(waitTime):
		t.Fatal("the server got nothing")
	}
	if _, err := p.call(callContext(t), k.method, k.bodies[1]); err != nil {
		t.Fatal(err)
	}
	if c := p.pool.Stats().Counters; c.Unknown+c.Late+c.Duplicate+c.Unsolicited != 0 {
		t.Errorf("a one-way call was answered: %+v", c)
	}
}
