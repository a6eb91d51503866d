package endpoint

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

func newLine() *waitLine { return &waitLine{total: new(atomic.Int64)} }

// places are those in the line, from the front.
func (l *waitLine) places() (ws []*waiter) {
	for w := l.first; w != nil; w = w.next {
		ws = append(ws, w)
	}
	return ws
}

func TestATurnIsNotLostWithWhoLeaves(t *testing.T) {
	l := newLine()
	first, _ := l.join(9, false)
	second, _ := l.join(9, false)
	third, _ := l.join(9, false)
	second.tell()
	l.leave(second, false)
	equal(t, "the next one is told", third.told(), true)
	equal(t, "the first one is not", first.told(), false)
	l.leave(first, false)
	equal(t, "the new first one is told", third.told(), true)
	fourth, _ := l.join(9, false)
	l.leave(third, true)
	equal(t, "who comes after one that was served is told", fourth.told(), true)
	l.leave(fourth, false)
	equal(t, "total", l.total.Load(), 0)
}

func TestWhoIsStuckHoldsTheTurn(t *testing.T) {
	why := errors.New("all are out")
	l := newLine()
	first, look := l.join(9, false)
	equal(t, "the first looks", look, true)
	second, look := l.join(9, false)
	equal(t, "nobody before it is stuck", look, true)
	l.inVain(first, why)
	equal(t, "the turn ends there", second.told(), false)
	equal(t, "who comes goes behind", l.busy(), true)
	equal(t, "why", l.lastWhy(), why)
	third, look := l.join(9, false)
	equal(t, "somebody before it is stuck", look, false)
	l.inVain(first, nil)
	equal(t, "a reason of its own passes the turn on", second.told(), true)
	equal(t, "who comes looks", l.busy(), false)
	again, look := l.join(9, true)
	equal(t, "who had his turn looks", look, true)
	equal(t, "and is the first", l.isFirst(again), true)
	for _, w := range []*waiter{third, first, again, second} {
		l.leave(w, false)
	}
	equal(t, "nothing is kept", l.first == nil && l.last == nil && l.lastWhy() == nil, true)
}

// The line is as a list that is kept in order, whatever happens.
func TestALineIsAList(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := newLine()
		var want []*waiter
		for range 100 {
			switch n := r.IntN(5); {
			case n < 2:
				w, _ := l.join(20, false)
				if (w == nil) != (len(want) == 20) {
					t.Fatalf("seed %d: %d places", seed, len(want))
				}
				if w != nil {
					want = append(want, w)
				}
			case n == 2 && len(want) < 20:
				w, _ := l.join(20, true)
				want = slices.Insert(want, 0, w)
			case len(want) > 0:
				i := r.IntN(len(want))
				if n == 3 {
					l.inVain(want[i], []error{nil, errLost}[r.IntN(2)])
					continue
				}
				l.leave(want[i], r.IntN(2) == 0)
				want = slices.Delete(want, i, i+1)
			}
			stuck := 0
			for _, w := range want {
				if w.stuck {
					stuck++
				}
			}
			if !slices.Equal(l.places(), want) || int(l.stuck.Load()) != stuck || int(l.total.Load()) != len(want) {
				t.Fatalf("seed %d: not as a list", seed)
			}
		}
	}
}
