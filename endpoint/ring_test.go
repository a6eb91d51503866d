package endpoint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// parish is clients who each hold some of the same nodes, by their rings alone.
type parish struct {
	size    int
	clients []client
	rings   []ring
	nodes   []*instance
	born    int
}

func newParish(clients, size, nodes int, who func(i int) client) *parish {
	p := &parish{size: size, clients: make([]client, clients), rings: make([]ring, clients)}
	for i := range p.clients {
		p.clients[i] = who(i)
	}
	p.grow(nodes)
	return p
}

func byNumber(i int) client { return client{number: i} }
func byID(i int) client     { return client{id: affinityOf(fmt.Sprintf("shop-%d.example", i))} }

func (p *parish) grow(n int) {
	for range n {
		text := fmt.Sprintf("tcp://10.%d.%d.%d:8080", p.born>>16, p.born>>8&255, p.born&255)
		p.born++
		p.nodes = append(p.nodes, &instance{text: text, affinity: affinityOf(text)})
	}
}

func (p *parish) remove(i int) (gone *instance) {
	gone = p.nodes[i]
	p.nodes[i] = p.nodes[len(p.nodes)-1]
	p.nodes = p.nodes[:len(p.nodes)-1]
	return gone
}

// hold is who holds what.
func (p *parish) hold() (held []map[*instance]bool) {
	nodes := make([]*instance, len(p.nodes))
	for i := range p.clients {
		copy(nodes, p.nodes)
		rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] }) // in whatever order discovery names them
		p.rings[i].order(nodes, p.size, p.clients[i])
		mine := map[*instance]bool{}
		for _, in := range nodes[:min(p.size, len(nodes))] {
			mine[in] = true
		}
		held = append(held, mine)
	}
	return held
}

// spread tells how many clients the nodes have.
func (p *parish) spread(held []map[*instance]bool) (least, most int, deviation float64) {
	count := map[*instance]int{}
	for _, mine := range held {
		for in := range mine {
			count[in]++
		}
	}
	least, mean := math.MaxInt, float64(len(p.clients)*min(p.size, len(p.nodes)))/float64(len(p.nodes))
	for _, in := range p.nodes {
		n := count[in]
		least, most = min(least, n), max(most, n)
		deviation += (float64(n) - mean) * (float64(n) - mean)
	}
	return least, most, math.Sqrt(deviation / float64(len(p.nodes)))
}

// differ counts what was held before and is not any more, and what is held since.
func differ(before, after []map[*instance]bool) (dropped, added map[*instance]int) {
	dropped, added = map[*instance]int{}, map[*instance]int{}
	for i := range before {
		for in := range before[i] {
			if !after[i][in] {
				dropped[in]++
			}
		}
		for in := range after[i] {
			if !before[i][in] {
				added[in]++
			}
		}
	}
	return dropped, added
}

func total(of map[*instance]int) (n int) {
	for _, m := range of {
		n += m
	}
	return n
}

// Clients with numbers hold each node equally often, or once more or less, however many there are of
// both: where the numbers divide, equally often.
func TestNumberedClientsHoldAllNodesEquallyOften(t *testing.T) {
	divides := 0
	for range 400 {
		n, k, clients := 1+rand.IntN(120), 1+rand.IntN(30), 1+rand.IntN(150)
		if rand.IntN(2) == 0 { // so many that C x k is divisible by n
			clients = n / int(gcd(uint64(n), uint64(k))) * (1 + rand.IntN(3))
		}
		p := newParish(clients, k, n, byNumber)
		held := p.hold()
		for i, mine := range held {
			if len(mine) != min(k, n) {
				t.Fatalf("client %d holds %d of %d nodes, not %d", i, len(mine), n, k)
			}
		}
		least, most, _ := p.spread(held)
		if most-least > 1 {
			t.Errorf("%d clients with %d of %d nodes each: %d to %d for a node", clients, k, n, least, most)
		}
		if clients*k%n == 0 {
			divides++
			equal(t, fmt.Sprintf("least of %d clients with %d of %d nodes each", clients, k, n), least, most)
		}
	}
	if divides < 100 {
		t.Errorf("%d of the cases divide", divides)
	}
}

// Clients that have held all nodes choose theirs when there are more, and those that have chosen choose anew when there are
// twice as many: all hold them equally often then.
func TestClientsChooseAnewAmongTwiceAsMany(t *testing.T) {
	for _, c := range []struct{ first, then int }{{5, 9}, {10, 20}} {
		p := newParish(40, 5, c.first, byNumber)
		p.hold()
		p.grow(c.then - c.first)
		if least, most, _ := p.spread(p.hold()); most-least > 1 {
			t.Errorf("%d nodes after %d have %d to %d clients", c.then, c.first, least, most)
		}
	}
}

// One node that leaves is replaced for the clients that held it: nothing else changes, so that there are
// twice as many changes as it had clients. One that comes takes the place of others.
// So it is after whatever came and went before.
func TestANodeThatLeavesChangesNothingElse(t *testing.T) {
	for _, who := range []func(int) client{byNumber, byID} {
		for range 60 {
			p := newParish(1+rand.IntN(60), 1+rand.IntN(20), 2+rand.IntN(100), who)
			before := p.hold()
			for range 25 {
				comes := len(p.nodes) < 2 || rand.IntN(2) == 0
				var its *instance
				grown := false
				if comes {
					p.grow(1)
					its = p.nodes[len(p.nodes)-1]
					for _, r := range p.rings {
						grown = grown || len(p.nodes) > p.size && len(p.nodes) >= 2*r.of
					}
				} else {
					its = p.remove(rand.IntN(len(p.nodes)))
				}
				after := p.hold()
				dropped, added := differ(before, after)
				before = after
				own := dropped[its] + added[its]
				switch {
				case grown: // anchored anew
				case comes && (total(added) != own || total(dropped) > own):
					t.Fatalf("a node came for %d clients: %d dropped, %d added", own, total(dropped), total(added))
				case !comes && (total(dropped) != own || total(added) > own):
					t.Fatalf("a node of %d clients left: %d dropped, %d added", own, total(dropped), total(added))
				}
			}
		}
	}
}

// The clients of a node that leaves do not all go to the same one.
func TestTheClientsOfANodeThatLeavesGoToDifferentOnes(t *testing.T) {
	for _, size := range []int{20, 30, 7} { // which divides 1000, shares a factor, and none
		p := newParish(200, size, 1000, byNumber)
		before := p.hold()
		worst := 0
		for range 5 {
			p.remove(rand.IntN(len(p.nodes)))
			after := p.hold()
			_, added := differ(before, after)
			before = after
			for _, n := range added {
				worst = max(worst, n)
			}
		}
		if worst > 2 {
			t.Errorf("%d of 1000: %d clients of one node went to the same other one", size, worst)
		}
	}
}

// What is held is the same in whichever process, and stays so with the next version: clients
// that are of different ones agree.
func TestWhatAClientHoldsIsKnownToAll(t *testing.T) {
	p := newParish(2, 3, 10, func(i int) client { return []client{{number: 7}, byID(7)}[i] })
	got := ""
	for _, mine := range p.hold() {
		for i, in := range p.nodes {
			if mine[in] {
				got += fmt.Sprint(i, " ")
			}
		}
		got += "; "
	}
	equal(t, "held", got, "0 7 8 ; 0 6 8 ; ")
}

// How evenly nodes have clients: told, for docs/discovery.md, and bounded.
func TestTheSpreadOfClients(t *testing.T) {
	sizes := []int{20, 50, 100}
	if raceEnabled {
		sizes = sizes[:1] // a matter of time: nothing runs at once here
	}
	for _, size := range sizes {
		mean := float64(200*size) / 1000
		p := newParish(200, size, 1000, byNumber)
		tell := func(what string, bound float64) {
			least, most, deviation := p.spread(p.hold())
			t.Logf("200 clients with %d of 1000 nodes each, %s: %d to %d clients a node, %.1f in the mean, deviation %.2f", size, what, least, most, mean, deviation)
			if deviation > bound {
				t.Errorf("the deviation is %.2f, more than %.2f", deviation, bound)
			}
		}
		tell("numbered", 0)
		for range 20 {
			p.grow(50)
			p.hold()
			for range 50 {
				p.remove(rand.IntN(1000)) // one of those before
			}
		}
		tell("numbered, after 1000 nodes were replaced", math.Sqrt(mean))
		restarted := rand.Perm(200)[:100]
		for _, i := range restarted {
			p.rings[i] = ring{}
		}
		tell("numbered, and half of the clients restarted since", math.Sqrt(mean))
		for i := range p.rings {
			p.rings[i] = ring{}
		}
		tell("numbered, and all restarted", 0)
		p = newParish(200, size, 1000, byID)
		tell("hashed", math.Sqrt(mean)*1.1)
	}
}
