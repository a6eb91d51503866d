package endpoint

import (
	"errors"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

// allOut is why no node of a list takes calls, as it was found once. To ask each node costs as
// much as there are nodes, and many calls ask at the same time: those of a moment share one answer.
type allOut struct {
	list    []*NodeEndpoint
	changes uint64 // the scope's number, read before the breakers were asked
	until   time.Time
	err     *AllOpenError
}

// outTime is for how long an answer is shared: RetryAfter is that much too late at most.
const outTime = 10 * time.Millisecond

// why asks each node why it takes no call, unless somebody has just now. One that does by now is
// taken.
func (b *Balancer) why(x *index, avoid tried) (e *NodeEndpoint, dropped bool, err error) {
	changes := b.changes()
	if o := b.out.Load(); o != nil && x.of(o.list) && time.Now().Before(o.until) && (o.changes == changes || x.isOut()) {
		b.ask()
		return nil, false, o.err
	}
	barred := false
	var open []*breaker.OpenError
	var errs []error
	for i := range x.all {
		c := &x.all[i]
		if c.member.calls.isShut() {
			dropped = true
			continue
		}
		err := c.check()
		if o := (*breaker.OpenError)(nil); errors.As(err, &o) {
			open = append(open, o)
		} else if err != nil {
			errs = append(errs, err)
		} else if _, bars := avoid.has(c.member.node); !bars {
			return c.NodeEndpoint, dropped, nil
		} else {
			barred = true
		}
	}
	switch {
	case barred:
		return nil, dropped, errTried
	case len(errs) > 0:
		return nil, dropped, errors.Join(errs...)
	case len(open) > 0:
		b.ask() // discovery may know others by now
		err := newAllOpenError(open)
		if !dropped {
			b.out.Store(&allOut{list: x.list, changes: changes, until: time.Now().Add(err.until()), err: err})
		}
		return nil, dropped, err
	}
	return nil, dropped, &NoNodesError{}
}

// until is for how long e says what is so: a node may take calls when its time is over.
func (e *AllOpenError) until() time.Duration {
	if e.RetryAfter > 0 {
		return min(e.RetryAfter, outTime)
	}
	return outTime
}

// isOut reports whether no node takes calls, without asking why.
func (x *index) isOut() bool {
	for i := range x.all {
		if c := &x.all[i]; c.member.calls.isShut() || c.isReady() {
			return false
		}
	}
	return true
}
