package endpoint

import "time"

// trialTime is how long, from the end of an ejection on, a node is kept for calls that can be
// repeated elsewhere: the first call tries it out, and may be lost. Then any call does, so that
// a service without such calls has its nodes back that much later, and no more.
const trialTime = 100 * time.Millisecond

// spare notes that calls would try the node out, if so.
func (c *candidate) spare() {
	g, tells := c.guard.(interface{ Trying() time.Time })
	if !tells {
		return
	}
	if since := g.Trying(); !since.IsZero() {
		c.spared = c.member.weight.at(since.Add(trialTime))
	}
}

// isSpared reports whether only calls that can be repeated are to try the node now.
func (c *candidate) isSpared() bool { return c.spared != 0 && c.member.weight.now() < c.spared }

// trial returns a node for a call to try out, if it is one that may, and there is any, or nil.
func (x *index) trial(may bool, avoid tried) *NodeEndpoint {
	if x.trials == nil || !may {
		return nil
	}
	return x.anyTrial(avoid)
}

func (x *index) anyTrial(avoid tried) *NodeEndpoint {
	for i := range x.trials {
		if c := &x.trials[i]; c.isSpared() && c.eligible(false, avoid, true) {
			return c.NodeEndpoint
		}
	}
	return nil
}
