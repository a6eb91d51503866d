package endpoint

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// recorder is a scope that writes down what it guards.
type recorder struct {
	*switchboard
	targets []breaker.Target
}

func (r *recorder) Guard(t breaker.Target) guard {
	r.targets = append(r.targets, t)
	return r.switchboard.Guard(t)
}

func TestTheBreakersKnowMethodIdentityAndOneWay(t *testing.T) {
	r := &recorder{switchboard: newSwitchboard()}
	s := NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(r))
	defer s.Close()
	var made []*transport.Client
	client := func(opts ...transport.ClientOption) func(transport.Node) *transport.Client {
		return func(n transport.Node) *transport.Client {
			c := transport.NewClient(noConns, n, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes, opts...)
			made = append(made, c)
			return c
		}
	}
	s.Endpoint("Get", client())
	s.Endpoint("Tell", client(transport.ClientOneWay()))
	s.EndpointFrom("Other", (&shop{}).factory)
	want := []breaker.Target{
		{Node: node("a"), Method: "Get", Identity: made[0].Identity()},
		{Node: node("a"), Method: "Tell", Identity: made[1].Identity(), OneWay: true},
		{Node: node("a"), Method: "Other"},
	}
	equal(t, "targets", fmt.Sprint(r.targets), fmt.Sprint(want))
	equal(t, "identities are known", made[0].Identity() != muxpool.Identity{}, true)
}

// serviceOf is the service that a node is out in.
func serviceOf(t *testing.T, err error) string { return as[*AllOpenError](t, err).Nodes[0].Scope }

func TestEachSetIsAServiceOfItsOwn(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	make := func(opts ...Option) *Set {
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, append(opts, WithBreakers(g), WithoutWait())...)
		t.Cleanup(s.Close)
		return s
	}
	f := &shop{}
	one, other, named := make(), make(), make(WithService("payments"))
	get, put := one.EndpointFrom("Get", f.factory), other.EndpointFrom("Put", f.factory)
	pay, own := named.EndpointFrom("Pay", f.factory), named.EndpointFrom("Refund", f.factory, WithBreakers(g))
	byHand := balanced(NewBalancer(f.nodes("a"), WithBreakers(g)))
	g.ForceOpen(node("a"), nil)
	_, err := get(t.Context(), nil)
	first := serviceOf(t, err)
	_, err = put(t.Context(), nil)
	second := serviceOf(t, err)
	if !strings.HasPrefix(first, "set ") || !strings.HasPrefix(second, "set ") || first == second {
		t.Errorf("services %q and %q", first, second)
	}
	_, err = pay(t.Context(), nil)
	equal(t, "named", serviceOf(t, err), "payments")
	_, err = own(t.Context(), nil)
	equal(t, "a method with breakers of its own", serviceOf(t, err), "payments/Refund")
	_, err = byHand(t.Context(), nil)
	equal(t, "by hand", serviceOf(t, err), "")
	equal(t, "why the node is out", one.Nodes()[0].Open != nil, true)
}

// The settings given with a Group are this service's.
func TestASetsBreakersHaveItsSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup()
		defer g.Close()
		strict := NewSet(sd.FixedInstancer{"a:1"}, nil, WithBreakers(g, breaker.WithDetectors(breaker.ConsecutiveFailures(2))))
		defer strict.Close()
		lax := NewSet(sd.FixedInstancer{"a:1"}, nil, WithBreakers(g, breaker.WithDetectors(breaker.ConsecutiveFailures(1000))))
		defer lax.Close()
		f := &shop{}
		f.do = func(muxpool.Node, context.Context) error { time.Sleep(time.Millisecond); return errLost }
		for name, c := range map[string]struct {
			*Set
			out bool
		}{"strict": {strict, true}, "lax": {lax, false}} {
			get := c.EndpointFrom("Get", f.factory)
			for range 20 {
				get(t.Context(), nil)
			}
			equal(t, name+": is out", c.Nodes()[0].Open != nil, c.out)
		}
	})
	g := breaker.NewGroup()
	defer g.Close()
	s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithBreakers(g, breaker.WithMaxEjection(7)))
	defer s.Close()
	mustBe(t, s.Err(), ErrInvalidOption)
	if !strings.Contains(s.Err().Error(), "WithMaxEjection") {
		t.Error(s.Err())
	}
}

// A process that keeps making Sets on one Group does not grow: what a Set made among the
// breakers is forgotten when it is closed and its last call has returned.
func TestAClosedSetLeavesNothingAmongTheBreakers(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	var leaving []*Set
	held := make(chan struct{})
	for range 100 {
		entered := make(chan struct{})
		f := &shop{fleet: fleet{do: func(muxpool.Node, context.Context) error { close(entered); <-held; return nil }}}
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithBreakers(g))
		ep := s.EndpointFrom("M", f.factory)
		s.EndpointFrom("Own", f.factory, WithService("own")) // a service of the method's
		go ep(t.Context(), nil)
		bounded.Receive(t, entered)
		s.Close()
		s.EndpointFrom("Late", f.factory, WithBreakers(g))
		leaving = append(leaving, s)
	}
	if n := len(g.Status()); n != 2 {
		t.Errorf("%d nodes are known while calls are under way, want 2", n)
	}
	close(held)
	for _, s := range leaving {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if all := g.Status(); len(all) != 0 {
		t.Errorf("nodes are remembered: %+v", all)
	}
}

// What a Set, or a method of its own breakers, has set among them ends with it: the next one of its name
// begins with the group's settings. So it is if the method could not be made.
func TestTheSettingsOfAServiceEndWithIt(t *testing.T) {
	strict := breaker.WithDetectors(breaker.ConsecutiveFailures(2))
	for name, make := range map[string]func(g *breaker.Group, shop func(...Option) *Set) *Set{
		"a Set's": func(g *breaker.Group, shop func(...Option) *Set) *Set { return shop(WithBreakers(g, strict)) },
		"a method's": func(g *breaker.Group, shop func(...Option) *Set) *Set {
			s := shop()
			s.EndpointFrom("Own", nop, WithBreakers(g, strict))
			return s
		},
		"one that could not be made": func(g *breaker.Group, shop func(...Option) *Set) *Set {
			s := shop()
			s.EndpointFrom("Own", nop, WithBreakers(g, strict), WithPolicy(9))
			return s
		},
		"one of a Set that was closed": func(g *breaker.Group, shop func(...Option) *Set) *Set {
			s := shop()
			s.Close()
			s.EndpointFrom("Own", nop, WithBreakers(g, strict))
			return s
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := breaker.NewGroup(breaker.WithDetectors(breaker.ConsecutiveFailures(1000)))
			defer g.Close()
			shop := func(opts ...Option) *Set {
				return NewSet(sd.FixedInstancer{"a:1"}, nil, append([]Option{WithService("shop"), WithBreakers(g), WithoutWait()}, opts...)...)
			}
			if err := make(g, shop).Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			next := shop()
			defer next.Close()
			f := fails(errLost)
			for method, get := range map[string]endpoint.Endpoint{"Get": next.EndpointFrom("Get", f.factory), "Own": next.EndpointFrom("Own", f.factory, WithBreakers(g))} {
				for range 20 {
					if _, err := get(t.Context(), nil); err != error(errLost) {
						t.Fatalf("%s, of the next one %s: %v", name, method, err)
					}
				}
			}
		})
	}
}

// fails makes nodes that fail, each call after a moment.
func fails(err error) *shop {
	return &shop{fleet: fleet{do: func(muxpool.Node, context.Context) error { time.Sleep(time.Millisecond); return err }}}
}

// Why a node is out the Set's breakers say, and not those that a method has of its own, also if that was made first.
func TestWhatAMethodsOwnBreakersSayIsNotOfTheNode(t *testing.T) {
	sets, own := newSwitchboard(), newSwitchboard(node("a"))
	s := NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(sets))
	defer s.Close()
	s.EndpointFrom("Get", nop, withBreakers(own))
	s.EndpointFrom("Put", nop)
	equal(t, "why it is out, if the method's breakers say so", s.Nodes()[0].Open, nil)
	sets.trip(node("a"))
	mustBe(t, s.Nodes()[0].Open, sets.open[node("a")])
}

// Sets that have no name are numbered.
func TestSetsWithoutANameAreNumbered(t *testing.T) {
	first := 0
	for i := range 12 {
		s := NewSet(sd.FixedInstancer{}, nil)
		number, err := strconv.Atoi(strings.TrimPrefix(s.Stats().Service, "set "))
		if i == 0 {
			first = number
		}
		if err != nil || number != first+i {
			t.Errorf("%q after %d others from %d on", s.Stats().Service, i, first)
		}
		s.Close()
	}
}

// mutePool is a pool that cannot ask for a sign of life.
type mutePool struct{ muxpool.Pool }

// What a Client's probe found out, in the breaker's words.
func TestAProbeTellsTheBreakerHowFarItWent(t *testing.T) {
	address, stop := serveEcho(t)
	pool, n := newPool(t), transport.Node{Network: "tcp", Address: address}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := probing(echoClient(pool)(n))(ctx); err != nil {
		t.Errorf("an answer: %v", err)
	}
	if err := probing(echoClient(mutePool{pool})(n))(ctx); err != breaker.ErrConnectOnly {
		t.Errorf("a connection, and no more: %v", err)
	}
	stop()
	if err := probing(echoClient(pool)(n))(ctx); err == nil || errors.Is(err, breaker.ErrConnectOnly) {
		t.Errorf("nobody there: %v", err)
	}
}
