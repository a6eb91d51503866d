package breaker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// used makes a service and puts it to use on a node.
func (f *fixture) used(name string, node muxpool.Node) (call func(error) error, done func()) {
	s, release := f.UseScope(name)
	let := s.Hold(node)
	g := s.Guard(breaker.Target{Node: node, Method: "M"})
	return func(err error) error {
		_, got := g.Middleware()(func(context.Context, any) (any, error) { return nil, err })(context.Background(), nil)
		return got
	}, func() { let(); release() }
}

func TestAServiceThatNobodyUsesIsForgotten(t *testing.T) {
	alone(t, []breaker.Option{breaker.WithDetectors(breaker.Deviation(1, 5, 10, time.Second))}, func(f *fixture) {
		for i := range 1000 {
			call, done := f.used(fmt.Sprint("service ", i), nodeN(i%10))
			call(nil)
			f.expel(nodeN(i % 10))
			done()
		}
		if n := f.known(); n != 0 {
			t.Errorf("%d nodes are known", n)
		}
		if n := breaker.Scopes(f.Group); n != 1 {
			t.Errorf("%d services are known, want the group's own", n)
		}
	})
}

func TestAServiceStaysWhileSomebodyUsesIt(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		_, one := f.used("shop", nodeA)
		call, two := f.used("shop", nodeA)
		f.used("bank", nodeB)
		f.Scope("kept")
		_, kept := f.used("kept", nodeC)
		f.expel(nodeA)
		one()
		one() // counts once
		if err := call(nil); err == nil {
			t.Error("what was known of the node is forgotten")
		}
		two()
		kept()
		call(errSick) // too late: it brings nothing back
		if n := f.known(); n != 3 {
			t.Errorf("%d nodes are known, want B, C and that of the group", n)
		}
		if n := breaker.Scopes(f.Group); n != 3 {
			t.Errorf("%d services are known, want the group's own, bank and kept", n)
		}
		call, _ = f.used("shop", nodeA) // anew
		if err := call(nil); err != nil {
			t.Errorf("a service that was forgotten remembers: %v", err)
		}
	})
}

// Calls that come after the last release are not judged, and hurt no other service.
func TestCallsOfAForgottenServiceAreNotJudged(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		shop, done := f.used("shop", nodeA)
		bank, _ := f.used("bank", nodeA)
		shop(nil)
		done()
		for range 10 {
			if err := shop(errSick); err != errSick {
				t.Fatalf("a late call got %v", err)
			}
		}
		if err := bank(nil); err != nil {
			t.Errorf("another service: %v", err)
		}
	})
}

// Nor are they refused, also where their node was out.
func TestCallsOfAForgottenServicePass(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		shop, done := f.used("shop", nodeA)
		f.used("bank", nodeA)
		for range 5 {
			shop(errSick)
		}
		if err := shop(nil); err == nil {
			t.Error("a node that is out takes calls")
		}
		done()
		if err := shop(errSick); err != errSick {
			t.Errorf("a late call got %v", err)
		}
	})
}

// An order is for the address, whoever uses it.
func TestAnOrderOutlivesTheService(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		_, done := f.used("shop", nodeA)
		f.ForceOpen(nodeA, errSick)
		done()
		f.open(nodeA, breaker.ReasonForcedOpen)
		call, _ := f.used("shop", nodeA)
		if err := call(nil); err == nil {
			t.Error("the order is forgotten")
		}
	})
}

func TestServicesComeAndGoUnderRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				for j := range 200 {
					s, release := f.UseScope(fmt.Sprint(j % 3))
					let := s.Hold(nodeA)
					ep := s.Guard(breaker.Target{Node: nodeA, Method: fmt.Sprint(i)}).Middleware()(endpoint.Nop)
					ep(context.Background(), nil)
					if i == 0 {
						f.expel(nodeA)
						f.ready(nodeA)
					}
					if i == 1 {
						f.ForceOpen(nodeA, nil)
						f.Enable(nodeA)
					}
					let()
					release()
					ep(context.Background(), nil)
				}
			})
		}
		bounded.Wait(t, all.Wait)
		if n := breaker.Scopes(f.Group); n != 1 {
			t.Errorf("%d services are known", n)
		}
	})
}
