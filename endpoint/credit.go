package endpoint

import (
	"errors"
	"sync/atomic"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// credit is how many attempts that a node loses with its connections may be repeated without
// a token of the Budget. Calls in flight there fail all at once, and any number of them, for
// no overload: the node carried their load, as its answers show, and other nodes have to
// carry it from now on. So each answer pays for one loss. Who takes calls and answers none
// has no credit, and whatever dies how often, there are never more such repeats than
// answers. Safe for concurrent use; zero is a node that has answered nothing yet.
type credit struct{ left atomic.Int64 }

// maxCredit is more calls than a node has in flight. Once it is there, callers only read it.
const maxCredit = 1 << 16

// earn is for each answer.
func (c *credit) earn() {
	if c.left.Load() < maxCredit {
		c.left.Add(1)
	}
}

// spend is for an attempt that was lost, of as many as are in flight, itself included, and
// reports whether the node has answered for it. The first of those that are lost at once
// leaves enough for them, and no more: what is lost later has to be answered for anew.
func (c *credit) spend(inFlight int) bool {
	for {
		old := c.left.Load()
		if old == 0 {
			return false
		}
		if c.left.CompareAndSwap(old, min(old, int64(inFlight))-1) {
			return true
		}
	}
}

// account is told how an attempt at a node failed that is still inside, and reports whether
// the node's credit pays for a further one.
func (m *member) account(err error, v verdict.Verdict) (paid bool) {
	switch {
	case v.Answered && v.Definitive():
		m.credit.earn()
	case v.Ran == verdict.Maybe && !v.Answered && lostWithTheWay(err, v):
		return m.credit.spend(m.calls.inside())
	}
	return false
}

// lostWithTheWay reports whether err, of which v is the verdict, tells of the end of a
// connection, by whatever cause.
func lostWithTheWay(err error, v verdict.Verdict) bool {
	var byPool *muxpool.Error
	return v.Whose == verdict.Path || v.Whose == verdict.Node && errors.As(err, &byPool)
}
