package endpoint

import (
	"errors"
	"slices"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// tried are the nodes that a call has been to, one entry for each time. A node is
// taken again only if no other takes calls, and one that is barred not at all.
type tried []visit

type visit struct {
	node   muxpool.Node
	barred bool      // the call does not come back
	until  time.Time // before this, unless it is zero
	lifts  bool      // it may come back after it has waited
}

// errTried: each node that takes calls is one that the call must not go back to.
var errTried = errors.New("muxendpoint: every usable node was tried")

// has reports whether the call has been to node, and whether it must not go back.
func (t tried) has(node muxpool.Node) (been, barred bool) {
	for i := range t {
		if v := &t[i]; v.node == node {
			been = true
			barred = barred || v.barred && (v.until.IsZero() || time.Until(v.until) > 0)
		}
	}
	return been, barred
}

// after returns t with the visit that ended with err, as v says. To be asked once is enough
// for a node that could not be sent the call, or did not run it, unless the call waits.
func (t tried) after(node muxpool.Node, err error, v verdict.Verdict) tried {
	switch {
	case v.SafeToRetry() && v.RetryAfter > 0 && v.Ran == verdict.Refused:
		return append(t, visit{node: node, barred: true, until: time.Now().Add(v.RetryAfter)})
	case v.SafeToRetry():
		tooLate := v.Ran == verdict.NotSent && v.Code == verdict.CodeDeadlineExceeded // to get a connection
		return append(t, visit{node: node, barred: true, lifts: (v.WaitedFor() || tooLate) && !lasts(err)})
	case v.RetryAfter > 0:
		return append(t, visit{node: node, barred: true, until: time.Now().Add(v.RetryAfter)})
	}
	return append(t, visit{node: node})
}

// opens returns when the first of the nodes that are barred for a time may be asked
// again, or the zero time.
func (t tried) opens() (first time.Time) {
	now := time.Now()
	for _, v := range t {
		if v.until.After(now) && (first.IsZero() || v.until.Before(first)) {
			first = v.until
		}
	}
	return first
}

// mayLift reports whether a wait would let the call go to a node again.
func (t tried) mayLift() bool {
	return slices.ContainsFunc(t, func(v visit) bool { return v.barred && v.lifts })
}

// lift lets the call go to nodes again that could not be sent it.
func (t tried) lift() {
	for i := range t {
		if t[i].lifts {
			t[i].barred = false
		}
	}
}

// nodeOf finds the node that an error speaks of, for balancers that do not tell.
func nodeOf(err error) muxpool.Node {
	var open *breaker.OpenError
	if errors.As(err, &open) {
		return open.Node
	}
	var t *transport.Error
	if errors.As(err, &t) {
		return t.Node
	}
	var p *muxpool.Error
	if errors.As(err, &p) {
		return p.Node
	}
	return muxpool.Node{}
}
