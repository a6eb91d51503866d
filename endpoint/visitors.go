package endpoint

import (
	"sync"
	"sync/atomic"
)

// visitors counts those inside and, once shut, lets nobody in and tells when the
// last has left. It never blocks and is safe for concurrent use.
type visitors struct {
	// state is the number inside, plus the bit shut once shut was called. A
	// caller who finds the bit adds itself and leaves at once, so the number may
	// pass through zero more than once: once guards empty.
	state atomic.Int64
	once  sync.Once
	empty func() // called once, shut and with nobody inside; nil for none
}

const shutBit = 1 << 62

// enter reports whether the caller is inside; if so, it must leave.
func (v *visitors) enter() bool {
	if v.state.Add(1)&shutBit == 0 {
		return true
	}
	v.leave()
	return false
}

func (v *visitors) leave() {
	if v.state.Add(-1) == shutBit {
		v.ended()
	}
}

// shut keeps everybody out from now on.
func (v *visitors) shut() {
	if v.state.Or(shutBit) == 0 {
		v.ended()
	}
}

func (v *visitors) ended() {
	if v.empty != nil {
		v.once.Do(v.empty)
	}
}

func (v *visitors) isShut() bool { return v.state.Load()&shutBit != 0 }

func (v *visitors) inside() int { return int(v.state.Load() &^ shutBit) }
