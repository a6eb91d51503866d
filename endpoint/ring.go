package endpoint

import (
	"cmp"
	"slices"
)

// ring is where a client has its place among the nodes. Each node has one by the hash of its text; those
// that the client holds are the first from its anchor on. So a node that leaves is replaced, for each of
// its clients, by the next one behind that client's last, and one that comes takes the place of a
// client's last: nothing else moves.
//
// Clients that have numbers anchor at nodes that they count off, so that together they hold all
// nodes equally often: see settle. Where they anchored they stay. No rule that looks at
// the present nodes alone could do both: see docs/decisions/0225.
type ring struct {
	seed   affinity // gives nodes their places: rings are of different orders
	anchor uint64   // a place
	of     int      // of how many nodes that was chosen; 0: it was not
}

// client is whose ring it is.
type client struct {
	number int
	id     affinity // not 0: there is no number
}

// settle chooses a ring, and the anchor on it, for a client who holds size of these nodes, which are
// more. The clients of one ring take the nodes in turn, each beginning where the one before has
// ended, until all nodes have been taken equally often: with k of n, n/gcd(n, k) clients. The next
// ones take another ring, so that clients share a node with different ones, and a node that
// leaves is replaced by different ones.
func (r *ring) settle(nodes []*instance, size int, who client) {
	r.of = len(nodes)
	if who.id != 0 { // a ring of its own
		r.seed, r.anchor = who.id, 0
		return
	}
	n := uint64(len(nodes))
	clients := n / gcd(n, uint64(size))
	r.seed = affinity(affinity(uint64(who.number)/clients + 1).mix())
	r.anchor = 0
	r.sort(nodes)
	r.anchor = r.place(nodes[uint64(who.number)%clients*uint64(size)%n])
}

// order puts the nodes in the order in which the client wants them. A place that was found among less than half as
// many is found anew.
func (r *ring) order(nodes []*instance, size int, who client) {
	if len(nodes) > size && (r.of == 0 || len(nodes) >= 2*r.of) {
		r.settle(nodes, size, who)
	}
	r.sort(nodes)
}

func (r *ring) place(in *instance) uint64 { return (r.seed ^ in.affinity).mix() }

func (r *ring) sort(nodes []*instance) {
	for _, in := range nodes {
		in.behind = r.place(in) - r.anchor
	}
	slices.SortFunc(nodes, func(a, b *instance) int { return cmp.Or(cmp.Compare(a.behind, b.behind), cmp.Compare(a.text, b.text)) })
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
