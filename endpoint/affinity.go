package endpoint

import "hash/fnv"

// affinity is what a call's key, or a node's text, is hashed to: zero for none. It is the
// same in all processes, so that all of them agree where a key belongs.
type affinity uint64

func affinityOf(text string) affinity {
	h := fnv.New64a()
	h.Write([]byte(text))
	return affinity(max(h.Sum64(), 1))
}

// to is how much a key belongs to a node: the finalizer of MurmurHash3 over both, as FNV
// alone leaves what differs at the end of two texts in the low bits.
func (a affinity) to(m *member) uint64 { return (a ^ m.affinity).mix() }

func (a affinity) mix() uint64 {
	x := uint64(a)
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// of returns the node that a key belongs to most, of those that are eligible, or nil: a node
// that goes takes no keys along but its own, and they come back with it (rendezvous hashing;
// Thaler, Ravishankar: "Using Name-Based Mappings to Increase Hit Rates", 1998).
//
// Nodes that stand in for others come last: they would take keys of all.
func (a affinity) of(ready []candidate, fresh bool, avoid tried, all bool) (e *NodeEndpoint) {
	var most uint64
	standIn := false
	for i := range ready {
		c := &ready[i]
		much, standsIn := a.to(c.member), c.member.standIn.Load()
		if more := e == nil || standIn && !standsIn || standIn == standsIn && much > most; more && c.eligible(fresh, avoid, all) {
			e, most, standIn = c.NodeEndpoint, much, standsIn
		}
	}
	return e
}
