package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/muxpool"
)

// register is an Instancer that tells what a test says.
type register struct {
	FixedInstances
	ch chan<- InstancesEvent
}

func (r *register) RegisterInstances(ch chan<- InstancesEvent) {
	r.ch = ch
	r.FixedInstances.RegisterInstances(ch)
}
func (r *register) DeregisterInstances(chan<- InstancesEvent) { r.ch = nil }
func (r *register) tell(s *Set, err error, instances ...Instance) {
	r.ch <- InstancesEvent{instances, err}
	settle(s)
}

func TestASetKnowsWhatDiscoveryTellsOfItsNodes(t *testing.T) {
	r := &register{FixedInstances: FixedInstances{
		{Address: "A:1", Weight: 3, Zone: "north", Labels: map[string]string{"version": "7"}},
		{Address: "b:1"},
		{Address: "a:1", Zone: "south"}, // the same node once more
		{Address: "a:1", Zone: "west"},
	}}
	s := NewSet(r, nil)
	defer s.Close()
	see := func(when, want string) {
		t.Helper()
		got := ""
		for _, n := range s.Nodes() {
			got += fmt.Sprintf("%s: %s %d %s %s; ", n.Node.Address, n.Instance.Address, n.Instance.Weight, n.Instance.Zone, n.Instance.Labels["version"])
		}
		if got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	see("at first", "a:1: A:1 3 north 7; b:1: b:1 0  ; ")
	a := s.order[0]
	r.tell(s, nil, Instance{Address: "a:1", Zone: "east"}, Instance{Address: "b:1", Weight: 9})
	see("told anew", "a:1: a:1 0 east ; b:1: b:1 9  ; ")
	equal(t, "a's member", s.order[0], a)
	r.tell(s, nil)
	r.tell(s, errors.New("away"))
	see("kept", "a:1: a:1 0 east ; b:1: b:1 9  ; ")
	r.tell(s, nil, Instance{Address: "b:1"})
	see("without a", "b:1: b:1 0  ; ")
	s.Close()
	if r.ch != nil {
		t.Error("it is registered still")
	}
}

// Who does not know of Instancers follows one as any other, with plain addresses.
func TestGoKitsEndpointerFollowsAnInstancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		e := sd.NewEndpointer(FixedInstances{{Address: "a:1", Weight: 3}, {Address: "b:1", Zone: "z"}}, func(instance string) (endpoint.Endpoint, io.Closer, error) {
			got = append(got, instance)
			return endpoint.Nop, nil, nil
		}, log.NewNopLogger())
		defer e.Close()
		synctest.Wait() // it works off what it is told on a goroutine of its own
		if eps, err := e.Endpoints(); err != nil || len(eps) != 2 || fmt.Sprint(got) != "[a:1 b:1]" {
			t.Errorf("%d endpoints, %v, of %v", len(eps), err, got)
		}
	})
}

// Nodes get calls by the weights that discovery tells, with each policy, whether they have
// one call at a time or many.
func TestNodesGetCallsByTheirInstancesWeight(t *testing.T) {
	list := func(weights ...uint32) (f FixedInstances) {
		for i, w := range weights {
			f = append(f, Instance{Address: fmt.Sprintf("n%d:1", i), Weight: w})
		}
		return f
	}
	for name, weights := range map[string][]uint32{
		"not told":        {0, 0, 0},
		"alike":           {7, 7, 7},
		"one not told":    {0, 3, 2},
		"different":       {100, 200, 500},
		"one is all":      {1, math.MaxUint32},
		"one among many":  {20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		"one of them off": {1, 20, 20, 20},
	} {
		for _, p := range policies {
			for _, callers := range []int{1, 40} {
				synctest.Test(t, func(t *testing.T) {
					f := &shop{fleet: fleet{do: working}}
					s := NewSet(list(weights...), nil, WithPolicy(p))
					defer s.Close()
					ep := s.EndpointFrom("M", f.factory)
					sum := 0.0
					for _, w := range weights {
						sum += float64(max(w, 1))
					}
					f.load(t, callers, 4*time.Second, "", ep)
					calls := map[string]float64{}
					for _, address := range f.called() {
						calls[address]++
					}
					for i, w := range weights {
						got := calls[fmt.Sprintf("n%d:1", i)] / float64(len(f.called()))
						if want := float64(max(w, 1)) / sum; math.Abs(got-want) > 0.04+0.15*want {
							t.Errorf("%s, %v, %d callers: n%d got %.3f of the calls, want %.3f", name, p, callers, i, got, want)
						}
					}
				})
			}
		}
	}
}

// Where nothing is told of weights, or nothing but the least, each has all of its share.
func TestNodesWithoutWeightsHaveAllOfTheirShare(t *testing.T) {
	s := NewSet(FixedInstances{{Address: "a:1"}, {Address: "b:1", Weight: 1}}, nil)
	defer s.Close()
	for _, n := range s.Nodes() {
		equal(t, n.Node.Address, n.Weight, NodeWeight{1, 1, 1, 1})
	}
}

// A weight that changes counts from then on, on nodes that stay.
func TestAWeightMayChange(t *testing.T) {
	for _, p := range policies {
		synctest.Test(t, func(t *testing.T) {
			list := func(weight uint32) (f FixedInstances) {
				for i := range 10 {
					f = append(f, Instance{Address: fmt.Sprintf("n%d:1", i), Weight: 2})
				}
				f[0].Weight = weight
				return f
			}
			r := &register{FixedInstances: list(0)}
			f := &shop{fleet: fleet{do: working}}
			s := NewSet(r, nil, WithPolicy(p))
			defer s.Close()
			ep := s.EndpointFrom("M", f.factory)
			for _, weight := range []uint32{0, 18, 2} {
				r.tell(s, nil, list(weight)...)
				share := f.load(t, 40, 2*time.Second, "n0:1", ep)
				if want := float64(max(weight, 1)) / float64(max(weight, 1)+18); math.Abs(share-want) > 0.1*want+0.03 {
					t.Errorf("%v: %.2f of the calls for a weight of %d beside nine of 2, want %.2f", p, share, weight, want)
				}
			}
			equal(t, "endpoints made", len(f.made), 10)
		})
	}
}

// What discovery gives a node is a factor beside overload and slow start, and keeps nobody out.
func TestAGivenWeightIsAFactor(t *testing.T) {
	m := newMember(muxpool.Node{})
	w := &m.weight
	w.given.Store(full / 4)
	equal(t, "given", w.share(), full/4)
	w.halve()
	if got := w.share(); got < full/8-full/64 || got > full/8+full/64 {
		t.Errorf("given a quarter, and overloaded: %d", got)
	}
	w.given.Store(1)
	equal(t, "as little as can be", w.share(), 1)
	e := NewNodeEndpoint(node("a"), func(_ context.Context, request any) (any, error) { return request, nil })
	e.member.weight.given.Store(1)
	if got, err := NewBalancer(FixedEndpointer{e}).Pick(); err != nil || got != e {
		t.Errorf("the only node: %v, %v", got, err)
	}
}
