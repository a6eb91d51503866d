package muxtest

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Choice is an Action and how often Chaos takes it, in proportion to the sum of
// all weights.
type Choice struct {
	Weight int
	Do     Action
}

// Chaos takes one of the choices at random for each frame. The same seed makes
// the same choices in the same order; which frame comes when is up to the
// scheduler.
func Chaos(seed uint64, choices ...Choice) Action {
	var (
		mu  sync.Mutex // guards rng
		rng = rand.New(rand.NewPCG(seed, 0))
		sum int
	)
	for _, c := range choices {
		sum += c.Weight
	}
	if sum <= 0 {
		return Echo
	}
	draw := func() int {
		mu.Lock()
		defer mu.Unlock()
		return rng.IntN(sum)
	}
	return func(c *Conn, f Frame) {
		n := draw()
		for _, choice := range choices {
			if n -= choice.Weight; n < 0 {
				choice.Do(c, f)
				return
			}
		}
	}
}

// Reorder answers a frame behind the one that comes after it, which may be a long
// time if none does.
func Reorder(c *Conn, f Frame) {
	if c.kept == nil {
		c.kept = &f
		return
	}
	first := *c.kept
	c.kept = nil
	c.Reply(f)
	c.Reply(first)
}

// DelayTwice answers after d, and again after twice d: late, and then once more.
func DelayTwice(d time.Duration) Action {
	return func(c *Conn, f Frame) {
		c.after(d, func() { c.Reply(f) })
		c.after(2*d, func() { c.Reply(f) })
	}
}
