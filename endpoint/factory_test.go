package endpoint

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// errNoConn is what clients over noConns fail with.
var errNoConn = errors.New("no connection")

var noConns = poolFunc(func(n muxpool.Node) error { return &muxpool.Error{Op: "get", Node: n, Err: errNoConn} })

func bareClient(n transport.Node) *transport.Client {
	return transport.NewClient(noConns, n, wire{}, "Sum", transport.EncodeBytes, transport.DecodeBytes)
}

func TestFactoryInAGoKitChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := newSwitchboard(), discover("a:1", "unix:///sum.sock", "rubbish")
		endpointer := sd.NewEndpointer(d, Factory(bareClient, withBreakers(b)), log.NewNopLogger())
		defer endpointer.Close()
		synctest.Wait()
		eps, err := endpointer.Endpoints()
		if err != nil || len(eps) != 2 {
			t.Fatalf("%d endpoints, %v", len(eps), err)
		}
		_, err = Retry(2, time.Second, lb.NewRoundRobin(endpointer))(t.Context(), []byte("x"))
		mustBe(t, err, errNoConn)
		e := as[*RetryError](t, err)
		equal(t, "first", e.Attempts[0].Node, node("a"))
		equal(t, "second", e.Attempts[1].Node, muxpool.Node{Network: "unix", Address: "/sum.sock"})
		equal(t, "holds", b.holds(node("a")), 1)

		d.send(sd.Event{})
		synctest.Wait()
		equal(t, "holds after the drop", b.holds(node("a")), 0)
		_, err = eps[0](t.Context(), []byte("x"))
		as[*RemovedError](t, err)
	})
}

func TestFactoryDrainsBeforeItLetsGo(t *testing.T) {
	b := newSwitchboard()
	cfg := newConfig([]Option{withBreakers(b)})
	closed := false
	e, err := cfg.nodeEndpoint("a:1", func(muxpool.Node) (built, error) {
		return built{Endpoint: endpoint.Nop, closer: release(func() { closed = true })}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	e.member.calls.enter()
	e.member.calls.shut()
	if closed || b.holds(node("a")) != 1 {
		t.Error("let go with a call in flight")
	}
	e.member.calls.leave()
	if !closed || b.holds(node("a")) != 0 {
		t.Error("not let go after the last call")
	}
}

func TestFactoryErrors(t *testing.T) {
	for name, f := range map[string]sd.Factory{
		"Factory(nil)":       Factory(nil),
		"WithBreakers(nil)":  Factory(bareClient, WithBreakers(nil)),
		"NewDirectory(nil)":  NewDirectory(nil).Factory,
		"the client is nil":  Factory(func(transport.Node) *transport.Client { return nil }),
		"no made middleware": Factory(bareClient, WithNodeMiddleware(func(string, muxpool.Node) endpoint.Middleware { panic("no made middleware") })),
	} {
		_, _, err := f("a:1")
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	_, _, err := Factory(bareClient)("ftp://a")
	mustBe(t, err, ErrInstance)
}

func TestDirectoryLetsABalancerSeeGoKitsNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := newSwitchboard(node("a")), discover("a:1", "b:1")
		dir := NewDirectory(bareClient, withBreakers(b))
		endpointer := sd.NewEndpointer(d, dir.Factory, log.NewNopLogger(), sd.InvalidateOnError(time.Minute))
		defer endpointer.Close()
		synctest.Wait()
		balancer := NewBalancer(dir.Over(endpointer), withBreakers(b))
		for range 50 {
			_, err := balanced(balancer)(t.Context(), []byte("x"))
			mustBe(t, err, errNoConn)
			equal(t, "node", nodeOf(err), node("b"))
		}
		d.send(sd.Event{Instances: []string{"a:1"}})
		synctest.Wait()
		_, err := balancer.Pick()
		as[*AllOpenError](t, err)

		cause := errors.New("discovery is down")
		d.send(sd.Event{Err: cause})
		time.Sleep(2 * time.Minute)
		_, err = balancer.Pick()
		mustBe(t, err, cause, lb.ErrNoEndpoints)
		_, err = NewBalancer(dir).Pick()
		mustBe(t, err, lb.ErrNoEndpoints)
	})
}

func TestDirectoryCloseLetsAllNodesGo(t *testing.T) {
	b := newSwitchboard()
	dir := NewDirectory(bareClient, withBreakers(b))
	_, err := NewBalancer(dir).Pick()
	mustBe(t, err, lb.ErrNoEndpoints)
	ep, c, err := dir.Factory("a:1")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "holds", b.holds(node("a")), 1)
	dir.Close()
	dir.Close()
	c.Close()
	equal(t, "holds", b.holds(node("a")), 0)
	_, err = ep(context.Background(), nil)
	as[*RemovedError](t, err)
	_, err = NewBalancer(dir).Pick()
	mustBe(t, err, ErrSetClosed)
	_, _, err = dir.Factory("b:1")
	mustBe(t, err, ErrSetClosed)
	equal(t, "holds", b.holds(node("b")), 0)
}

// Two methods of a service, each with a Factory for go-kit's own Endpointer: what one of them fails at
// is not the other's, on the same node.
func TestFactoriesOfSeveralMethodsShareNoFailures(t *testing.T) {
	fails := func(context.Context, any) (any, error) { return nil, &transport.Error{Code: transport.CodeInternal} }
	echo := func(_ context.Context, r any) (any, error) { return r, nil }
	s := newScene(t, nil, WithoutWait())
	address := serveMethods(t, map[string]endpoint.Endpoint{"Sum": fails, "Get": echo})
	for _, other := range []string{"127.0.0.1:1", "127.0.0.1:2"} { // no node is the only one
		t.Cleanup(s.breakers.Hold(node(other)))
	}
	of := func(method string) endpoint.Endpoint {
		ep, closer, err := Factory(s.client(method), WithBreakers(s.breakers))(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closer.Close() })
		return ep
	}
	sum, get := of("Sum"), of("Get")
	for range 10 {
		_, err := sum(t.Context(), []byte("x"))
		if open := (*breaker.OpenError)(nil); errors.As(err, &open) && open.Method == "" {
			t.Fatalf("the node is out: %v", err)
		}
	}
	if _, err := get(t.Context(), []byte("x")); err != nil {
		t.Error(err)
	}
	_, err := sum(t.Context(), []byte("x"))
	equal(t, "the failing method is out", as[*breaker.OpenError](t, err).Method, "/s/Sum")
}
