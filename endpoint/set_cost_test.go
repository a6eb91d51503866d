package endpoint

import (
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// fleetOf names n instances, of which the last says which generation it is of.
func fleetOf(n, generation int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("10.0.%d.%d:8080", i/250, 1+i%250)
	}
	all[n-1] = fmt.Sprintf("10.1.%d.%d:8080", generation/250%250, 1+generation%250)
	return all
}

// bigSet is a Set of so many nodes and methods.
func bigSet(t testing.TB, nodes, methods int, opts ...Option) (*discovery, *Set) {
	d := discover(fleetOf(nodes, 0)...)
	s := NewSet(d, nil, opts...)
	t.Cleanup(s.Close)
	for i := range methods {
		s.EndpointFrom(fmt.Sprint("m", i), nop)
	}
	return d, s
}

// events measures the allocations of an event, until it was followed.
func events(d *discovery, s *Set, lists ...[]string) float64 {
	i := 0
	return bounded.Allocs(20, func() {
		d.now(s, lists[i%len(lists)]...)
		i++
	})
}

// An event that changes nothing costs no more with 2000 nodes and 100 methods than with two
// and one: nothing is made anew.
func TestAnEventThatChangesNothingMakesNothing(t *testing.T) {
	for _, size := range [][2]int{{2, 1}, {2000, 100}} {
		d, s := bigSet(t, size[0], size[1])
		views, first := s.methods[0].view.Load(), &s.order[0]
		if n := events(d, s, fleetOf(size[0], 0)); n > 20 {
			t.Errorf("%d nodes and %d methods: %v allocations", size[0], size[1], n)
		}
		equal(t, "the view is the same", s.methods[0].view.Load(), views)
		equal(t, "the list is the same", &s.order[0], first)
	}
}

// One node that changes is one list for each method, and one endpoint: as many allocations
// with 2000 nodes as with two.
func TestOneChangedNodeCostsWhatOneNodeCosts(t *testing.T) {
	const methods = 100
	cost := map[int]float64{}
	for _, nodes := range []int{2, 2000} {
		d, s := bigSet(t, nodes, methods)
		cost[nodes] = events(d, s, fleetOf(nodes, 1), fleetOf(nodes, 2))
	}
	t.Logf("allocations: %v", cost)
	for nodes, n := range cost {
		if n > 12*methods {
			t.Errorf("%d nodes: %v allocations for %d methods", nodes, n, methods)
		}
	}
}

// What the user's code is asked for is what changed.
func TestOneChangedNodeIsAskedForOncePerMethod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no machine is slow, so that the user's code is called one at a time
		parsed, made := 0, 0
		d := discover(fleetOf(500, 0)...)
		s := NewSet(d, nil, WithNodeParser(func(instance string) (muxpool.Node, error) { parsed++; return ParseNode(instance) }))
		defer s.Close()
		for i := range 10 {
			s.EndpointFrom(fmt.Sprint(i), func(string) (endpoint.Endpoint, io.Closer, error) { made++; return endpoint.Nop, nil, nil })
		}
		equal(t, "parsed at first", parsed, 500)
		equal(t, "made at first", made, 5000)
		for generation := 1; generation <= 3; generation++ {
			d.now(s, fleetOf(500, generation)...)
			d.now(s, fleetOf(500, generation)...)
		}
		equal(t, "parsed", parsed, 503)
		equal(t, "made", made, 5030)
	})
}

// A method that gets its node sees one list copied for an event, not one for each node.
func TestAMethodPublishesOncePerEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no machine is slow, so that the user's code is called one at a time
		d, s := bigSet(t, 2, 1)
		var before, seen *view
		count := 0
		look := func() {
			if v := s.methods[0].view.Load(); v != seen {
				seen = v
				count++
			}
		}
		before = s.methods[0].view.Load()
		seen = before
		s.EndpointFrom("watch", func(string) (endpoint.Endpoint, io.Closer, error) { look(); return endpoint.Nop, nil, nil })
		d.now(s, fleetOf(1000, 1)...)
		look()
		equal(t, "lists published", count, 1)
		equal(t, "nodes", len(seen.nodes), 1000)
	})
}

// A Directory takes a node in at a cost that does not grow with those that it has.
func TestADirectorysFactoryCostsTheSameForEachNode(t *testing.T) {
	per := func(n int) float64 {
		all := fleetOf(n, 0)
		return bounded.Allocs(3, func() {
			d := NewDirectory(bareClient)
			for _, instance := range all {
				if _, _, err := d.Factory(instance); err != nil {
					t.Fatal(err)
				}
			}
			if eps, err := d.NodeEndpoints(); err != nil || len(eps) != n {
				t.Fatal(len(eps), err)
			}
			d.Close()
		}) / float64(n)
	}
	few, many := per(100), per(2000)
	t.Logf("%v allocations a node of 100, %v of 2000", few, many)
	if many > few+2 || many > 60 {
		t.Errorf("%v allocations a node of 100, %v of 2000", few, many)
	}
}

// One that is asked after each node that comes or goes copies one list for it.
func TestADirectoryIsInOrderWhateverComesAndGoes(t *testing.T) {
	d := NewDirectory(bareClient)
	defer d.Close()
	var closers []io.Closer
	for i, instance := range []string{"c:1", "a:1", "b:1", "tcp://A:01"} { // a node in two spellings counts once
		_, c, err := d.Factory(instance)
		if err != nil {
			t.Fatal(err)
		}
		if closers = append(closers, c); i%2 == 0 {
			d.NodeEndpoints()
		}
	}
	order := func(want string) {
		t.Helper()
		eps, _ := d.NodeEndpoints()
		got := ""
		for _, e := range eps {
			got += e.Node().Address[:1]
		}
		equal(t, "order", got, want)
	}
	order("abc")
	closers[1].Close()
	_, c, _ := d.Factory("d:1")
	c.Close() // before anybody looked
	order("abc")
	closers[3].Close()
	closers[0].Close()
	closers[0].Close()
	order("b")
	closers[2].Close()
	if _, err := d.NodeEndpoints(); err == nil {
		t.Error("no node, and no error")
	}
}

// BenchmarkSetEvent is what an event costs that changes nothing, and one that replaces one
// node, from the Instancer's send until all methods show it.
func BenchmarkSetEvent(b *testing.B) {
	g := breaker.NewGroup()
	defer g.Close()
	for _, nodes := range []int{2, 20, 200, 2000} {
		for _, methods := range []int{1, 10, 100} {
			lists := [][]string{fleetOf(nodes, 1), fleetOf(nodes, 2)}
			for change, lists := range map[string][][]string{"nothing": lists[:1], "one node": lists} {
				b.Run(fmt.Sprintf("nodes=%d/methods=%d/%s", nodes, methods, change), func(b *testing.B) {
					d, s := bigSet(b, nodes, methods, WithBreakers(g))
					d.now(s, lists[0]...)
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						i++
						d.now(s, lists[i%len(lists)]...)
					}
					b.StopTimer()
					s.Close()
				})
			}
		}
	}
}

// BenchmarkDirectoryFactory is what a Directory spends on each of its nodes.
func BenchmarkDirectoryFactory(b *testing.B) {
	for _, nodes := range []int{20, 2000} {
		b.Run(fmt.Sprint("nodes=", nodes), func(b *testing.B) {
			all := fleetOf(nodes, 0)
			d := NewDirectory(func(n transport.Node) *transport.Client { return bareClient(n) })
			defer d.Close()
			for _, instance := range all {
				d.Factory(instance)
			}
			b.ReportAllocs()
			for b.Loop() {
				_, c, err := d.Factory(all[0])
				if err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		})
	}
}
