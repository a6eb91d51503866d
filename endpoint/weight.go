package endpoint

import (
	"sync/atomic"
	"time"
)

// weight is how much of an equal share of the calls a node should get, from full down
// to a 64th: the product of factors, each with one owner. Overload: a call that the node
// could not take, or that another node overtook, halves it; successes and time bring it
// back. Slow start: a node that comes back begins with little. What discovery tells. All methods
// of a Set share a node's weight.
//
// It never refuses: a node of little weight is taken when no other is there. Safe for
// concurrent use; while nothing is lacking, nobody reads the clock.
type weight struct {
	// load is what is lacking to full in the lower bits, and above them when that was so,
	// in milliseconds since epoch. Zero: nothing is lacking.
	load  atomic.Int64
	later later     // what the peer's retry-after asks of the node
	epoch time.Time // constant

	given atomic.Int64 // what discovery tells, as a share of full; 0: nothing, which is full

	rising atomic.Pointer[ramp] // the slow start that runs, or has just ended; nil: none

	moves *atomic.Uint64 // counts the changes of its Set's weights, but for what time does; nil: nobody asks
}

const (
	lackBits   = 17
	full       = 1 << (lackBits - 1)
	leastShare = full / 64

	healTime   = 2 * time.Second       // in which time alone brings all of it back
	loadPeriod = 10 * time.Millisecond // one step in it, down or up
)

func (w *weight) now() int64 { return int64(time.Since(w.epoch) / time.Millisecond) }

// at is a time on the weight's clock.
func (w *weight) at(t time.Time) int64 { return int64(t.Sub(w.epoch) / time.Millisecond) }

// share is the weight: from leastShare to full, and of that what discovery gives it, at least 1.
func (w *weight) share() int64 {
	if w.load.Load() == 0 && w.given.Load() == 0 && w.rising.Load() == nil {
		return full // as nearly always, in line with the choice
	}
	return w.lesserShare()
}

func (w *weight) lesserShare() int64 {
	share := w.ownShare()
	if given := w.given.Load(); given != 0 {
		share = max(share*given/full, 1)
	}
	return share
}

// givenShare is what discovery gives it.
func (w *weight) givenShare() int64 {
	if given := w.given.Load(); given != 0 {
		return given
	}
	return full
}

// ownShare is the weight without what discovery gives it.
func (w *weight) ownShare() int64 {
	load, rising := w.load.Load(), w.rising.Load()
	if load == 0 && rising == nil {
		return full
	}
	now := time.Since(w.epoch)
	share := w.unloaded(load, now)
	if rising != nil {
		share = max(share*w.risen(rising, now)/full, leastShare)
	}
	return share
}

// idleShare is the share without slow start, which is about load: among nodes without a
// call none has any. Nor has it what discovery gives: by that nodes are drawn.
func (w *weight) idleShare() int64 {
	load := w.load.Load()
	if load == 0 {
		return full
	}
	return w.unloaded(load, time.Since(w.epoch))
}

// unloaded is the factor for overload.
func (w *weight) unloaded(load int64, now time.Duration) int64 {
	if load == 0 {
		return full
	}
	lack := lacking(load, int64(now/time.Millisecond))
	if lack == 0 {
		w.load.CompareAndSwap(load, 0)
	}
	return full - lack
}

// lacking is what is lacking at the time now, by what load says was lacking before.
func lacking(load, now int64) int64 {
	lack, since := load&(1<<lackBits-1), load>>lackBits
	left := max(int64(healTime/time.Millisecond)-(now-since), 0)
	return lack * left / int64(healTime/time.Millisecond)
}

// step changes what is lacking, if it has not changed just now: what happens at once, as
// twenty refusals of one burst, is one thing.
func (w *weight) step(to func(lack int64) int64) {
	load, now := w.load.Load(), w.now()
	if load != 0 && now-load>>lackBits < int64(loadPeriod/time.Millisecond) {
		return
	}
	lack := to(lacking(load, now))
	next := int64(0)
	if lack > 0 {
		next = now<<lackBits | lack
	}
	w.load.CompareAndSwap(load, next) // who loses has company: it is one step
	w.moved()
}

func (w *weight) moved() {
	if w.moves != nil {
		w.moves.Add(1)
	}
}

// halve moves load off the node.
func (w *weight) halve() {
	w.step(func(lack int64) int64 { return full - max((full-lack)/2, leastShare) })
}

// gain is told of a success.
func (w *weight) gain() {
	if w.load.Load() != 0 {
		w.step(func(lack int64) int64 { return lack * 9 / 10 })
	}
}
