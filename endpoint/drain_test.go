package endpoint

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

var errMaintenance = errors.New("maintenance")

// drains tells a Set's orders.
func drains(s *Set) (all string) {
	for _, d := range s.Stats().Drains {
		all += fmt.Sprintf("%s %v %v;", d.Node.Address, d.Cause, d.Named)
	}
	return all
}

// New calls go elsewhere with each policy, with breakers and without; the one on the node ends
// as it would, and is counted until then.
func TestDrain(t *testing.T) {
	for _, p := range policies {
		for _, guarded := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, breakers %v", p, guarded), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					opts := []Option{WithPolicy(p)}
					if guarded {
						g := breaker.NewGroup()
						defer g.Close()
						opts = append(opts, WithBreakers(g))
					}
					s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, opts...)
					defer s.Close()
					held := make(chan struct{})
					f := &shop{}
					f.do = func(n muxpool.Node, ctx context.Context) error {
						if ctx.Value(whoKey{}) != nil && n == node("a") {
							<-held
						}
						return nil
					}
					get := s.EndpointFrom("Get", f.factory)
					callEach(t, get, 2)
					answers := make(chan any, 100)
					inFlight := func() int { return s.Nodes()[0].InFlight }
					for range 100 { // until one is on a
						go func() {
							answer, _ := get(context.WithValue(t.Context(), whoKey{}, "slow"), "slow")
							answers <- answer
						}()
						if synctest.Wait(); inFlight() > 0 {
							break
						}
					}
					equal(t, "order", s.Drain(node("a"), errMaintenance), nil)
					equal(t, "order again", s.Drain(node("a"), nil), nil)
					for range 100 {
						if answer, err := get(t.Context(), "x"); err != nil || answer != "x from b:1" {
							t.Fatalf("%v, %v", answer, err)
						}
					}
					equal(t, "in flight", inFlight(), 1)
					equal(t, "orders", drains(s), "a:1 maintenance true;")
					if n := s.Nodes(); n[0].Drain == nil || n[1].Drain != nil || n[0].Open != nil {
						t.Errorf("told as %+v", n)
					}
					close(held)
					synctest.Wait()
					equal(t, "in flight after the end", inFlight(), 0)
					equal(t, "end", s.Undrain(node("a")), nil)
					time.Sleep(slowStartTime)
					callEach(t, get, 2)
					equal(t, "no orders", drains(s), "")
				})
			})
		}
	}
}

// Calls that find the only node drained wait for it, and say why when they do not.
func TestDrainOfTheLastNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(sd.FixedInstancer{"a:1"}, nil)
		defer s.Close()
		f := &shop{}
		get := s.EndpointFrom("Get", f.factory)
		hasty := s.EndpointFrom("Hasty", f.factory, WithoutWait())
		equal(t, "order", s.Drain(node("a"), errMaintenance), nil)
		_, err := hasty(t.Context(), "x")
		all := as[*AllOpenError](t, err)
		if open := all.Nodes[0]; open.Reason != breaker.ReasonDrained || !errors.Is(err, errMaintenance) || open.Sent() {
			t.Errorf("%v", err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := get(t.Context(), "x")
			ended <- err
		}()
		synctest.Wait()
		equal(t, "waiting", s.Stats().Waiting, 1)
		equal(t, "end", s.Undrain(node("a")), nil)
		equal(t, "the call that waited", bounded.Receive(t, ended), nil)
	})
}

// An order is by name: it outlasts the node, and waits for it.
func TestDrainIsByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := discover("a:1", "b:1")
		s := NewSet(d, nil)
		defer s.Close()
		f := &shop{}
		get := s.EndpointFrom("Get", f.factory)
		for _, unknown := range []error{s.Drain(node("c"), nil), s.Undrain(node("a")), s.Drain(muxpool.Node{}, nil)} {
			if !errors.Is(unknown, ErrNoSuchNode) {
				t.Errorf("%v", unknown)
			}
		}
		equal(t, "order", s.Drain(muxpool.Node{Network: "tcp", Address: "a:1"}, nil), nil)
		d.now(s, "b:1")
		equal(t, "while it is away", drains(s), "a:1 <nil> false;")
		d.now(s, "a:1", "b:1")
		equal(t, "when it is back", drains(s), "a:1 <nil> true;")
		for range 50 {
			if answer, err := get(t.Context(), "x"); err != nil || answer != "x from b:1" {
				t.Fatalf("%v, %v", answer, err)
			}
		}
		d.now(s, "b:1")
		equal(t, "end while it is away", s.Undrain(node("a")), nil)
		d.now(s, "a:1", "b:1")
		time.Sleep(slowStartTime)
		callEach(t, get, 2)
	})
}

// A node comes back as one whose breaker closes: slowly.
func TestANodeThatIsDrainedNoMoreBeginsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil)
		defer s.Close()
		equal(t, "order", s.Drain(node("a"), nil), nil)
		time.Sleep(time.Minute)
		equal(t, "while it is drained", s.Nodes()[0].Weight, NodeWeight{1, 1, 1, 1})
		equal(t, "end", s.Undrain(node("a")), nil)
		equal(t, "then", s.Nodes()[0].Weight, NodeWeight{Share: 0.0625, Load: 1, SlowStart: 0.0625, Discovery: 1})
		equal(t, "the other", s.Nodes()[1].Weight, NodeWeight{1, 1, 1, 1})
	})
}

// Orders are told in the order of their nodes.
func TestDrainsAreToldInOrder(t *testing.T) {
	s := NewSet(sd.FixedInstancer{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1"}, nil)
	defer s.Close()
	for _, name := range []string{"d", "b", "f", "a", "e", "c"} {
		equal(t, "order", s.Drain(node(name), nil), nil)
	}
	want := ""
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		want += name + ":1 <nil> true;"
	}
	equal(t, "orders", drains(s), want)
}
