package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// traffic is what happened below the calls of a round: it is its watcher.
type traffic struct {
	phase atomic.Int32 // that the round is in

	mu      sync.Mutex // guards all below; nothing is called under it
	spots   map[spot]flow
	changes []breaker.Change // breakers that opened
}

// spot is a method of a node in a phase.
type spot struct {
	node   string // its address
	method string
	phase  phase
}

// flow is what happened at a spot.
type flow struct {
	sent, answered int       // attempts; answered are those that were well
	first          time.Time // when the first of the answers came
}

func newTraffic() *traffic { return &traffic{spots: make(map[spot]flow)} }

func (t *traffic) changed(c breaker.Change) {
	if c.To != breaker.Open {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes = append(t.changes, c)
}

func (t *traffic) sending(n muxpool.Node, method string) {
	t.note(n, method, func(f *flow) { f.sent++ })
}

func (t *traffic) answered(n muxpool.Node, method string) {
	t.note(n, method, func(f *flow) {
		if f.answered++; f.first.IsZero() {
			f.first = time.Now()
		}
	})
}

func (t *traffic) note(n muxpool.Node, method string, what func(*flow)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := spot{n.Address, method, phase(t.phase.Load())}
	f := t.spots[s]
	what(&f)
	t.spots[s] = f
}

// at sums up the spots of a node and a method in some phases. Without a method, those
// of all.
func (t *traffic) at(node, method string, in ...phase) (sum flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s, f := range t.spots {
		for _, p := range in {
			if s.node != node || s.phase != p || method != "" && s.method != method {
				continue
			}
			sum.sent += f.sent
			sum.answered += f.answered
			if sum.first.IsZero() || !f.first.IsZero() && f.first.Before(sum.first) {
				sum.first = f.first
			}
		}
	}
	return sum
}

// opened returns how breakers opened, of those that which holds for.
func (t *traffic) opened(which func(breaker.Change) bool) (changes []breaker.Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.changes {
		if which(c) {
			changes = append(changes, c)
		}
	}
	return changes
}
