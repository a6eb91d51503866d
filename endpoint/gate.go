package endpoint

import (
	"sync"
	"sync/atomic"
)

// gate counts those inside and, once shut, lets nobody in and tells when the
// last has left. It never blocks and is safe for concurrent use.
type gate struct {
	// state is the number inside, plus the bit shut once shut was called. A
	// caller who finds the bit adds itself and leaves at once, so the number may
	// pass through zero more than once: once guards empty.
	state atomic.Int64
	once  sync.Once
	empty func() // called once, shut and with nobody inside; nil for none
}

const gateShut = 1 << 62

// enter reports whether the caller is inside; if so, it must leave.
func (g *gate) enter() bool {
	if g.state.Add(1)&gateShut == 0 {
		return true
	}
	g.leave()
	return false
}

func (g *gate) leave() {
	if g.state.Add(-1) == gateShut {
		g.ended()
	}
}

// shut keeps everybody out from now on.
func (g *gate) shut() {
	if g.state.Or(gateShut) == 0 {
		g.ended()
	}
}

func (g *gate) ended() {
	if g.empty != nil {
		g.once.Do(g.empty)
	}
}

func (g *gate) isShut() bool { return g.state.Load()&gateShut != 0 }

func (g *gate) inside() int { return int(g.state.Load() &^ gateShut) }
