package endpoint

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// shares is the watch over the attempts of a method that may be overtaken: those that have
// used their share of their call's time. An attempt takes a place, and nearly always has given
// it back before anybody looks: one timer, set for the first that is due, looks at all places.
// so an attempt that ends in its time costs four atomic operations, and neither lock, timer nor
// memory.
type shares struct {
	of     *retrying    // constant
	epoch  time.Time    // constant
	next   atomic.Int64 // when the timer fires, on the clock now; 0: it is not set
	places [sharePlaces]place

	// mu guards the timer, writes of next, and the change of places to overtaken. Nothing
	// is called while it is held.
	mu    sync.Mutex
	timer *time.Timer
}

const (
	sharePlaces = 64
	shareLooks  = 8 // places that an attempt looks at; then it gets one of its own, with a timer
	shareSlack  = time.Millisecond
)

// place is what is known of an attempt that is watched: all that is needed to go on with its
// call in another goroutine.
type place struct {
	// state is free, claimed or overtaken, and else, while the attempt is under way, when it
	// is overtaken, on the clock of shares.
	state atomic.Int64
	timer *time.Timer // nil: it is one of shares.places

	// Written by the attempt before it flies.
	attempt *attemptContext
	request any
	call    *retryConfig
	limit   time.Time // the call's
	to      *NodeEndpoint
	past    *call // the call, if this is not its first attempt

	rescue *rescue // set when the state becomes overtaken
}

// The states of a place whose attempt is not under way.
const (
	free      = 0
	claimed   = -1 // the attempt writes what is known of it, or has ended
	overtaken = -2 // a goroutine goes on with the call
)

// claim returns a place, which the caller fills, gives to fly, and at the end to land.
func (s *shares) claim() *place {
	at := rand.Uint32()
	for range shareLooks {
		if x := &s.places[at%sharePlaces]; x.state.CompareAndSwap(free, claimed) {
			return x
		}
		at++
	}
	x := new(place)
	x.timer = time.AfterFunc(forEver, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.overtake(x, x.state.Load())
	})
	return x
}

// fly has x overtaken at the time due, unless it lands before.
func (s *shares) fly(x *place, due int64) {
	due = max(due, 1)
	x.state.Store(due)
	if x.timer != nil {
		x.timer.Reset(max(time.Duration(due-s.now()), 1)) // not zero: see docs/decisions/0052
		return
	}
	if next := s.next.Load(); next == 0 || due+int64(shareSlack) < next {
		s.mu.Lock()
		s.set(due)
		s.mu.Unlock()
	}
}

// land hears that x's attempt has ended, and returns who goes on with the call if it was
// overtaken, else nil.
func (s *shares) land(x *place) *rescue {
	if x.timer != nil {
		x.timer.Stop()
	}
	if x.state.Swap(claimed) == overtaken {
		s.mu.Lock() // until rescue is set
		defer s.mu.Unlock()
	}
	r := x.rescue
	x.attempt, x.request, x.past, x.rescue = nil, nil, nil, nil
	x.state.Store(free)
	return r
}

func (s *shares) now() int64 { return int64(time.Since(s.epoch)) }

// set has the timer fire at the time due, if it does not before; mu is held.
func (s *shares) set(due int64) {
	if next := s.next.Load(); next != 0 && next <= due {
		return
	}
	s.next.Store(due)
	d := max(time.Duration(due-s.now()), 1) // likewise
	if s.timer == nil {
		s.timer = time.AfterFunc(d, s.look)
		return
	}
	s.timer.Reset(d)
}

// look is the timer's function.
func (s *shares) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next.Store(0) // who comes from now on, and is not seen, sets it
	now, next := s.now(), int64(0)
	for i := range s.places {
		x := &s.places[i]
		switch due := x.state.Load(); {
		case due <= 0:
		case due <= now:
			s.overtake(x, due)
		case next == 0 || due < next:
			next = due
		}
	}
	if next != 0 {
		s.set(next)
	}
}

// overtake has a goroutine go on with the call of x, if its attempt is still under way, and
// is the one that was due then; mu is held.
func (s *shares) overtake(x *place, due int64) {
	if due > 0 && x.state.CompareAndSwap(due, overtaken) {
		x.rescue = newRescue(s.of, x)
		go x.rescue.run()
	}
}
