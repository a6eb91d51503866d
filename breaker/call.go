package breaker

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// call is one call behind the gates that it began at. It lives on its
// goroutine's stack.
type call struct {
	method *method
	node   *gate // of the node's circuit
	of     *gate // of the method's, nil if it has none
	apart  bool  // the method is told apart from the node: it is one of several

	start              int64  // on the group's clock
	answered           uint64 // answers, when it began
	numberNode, number uint64
}

// at has the call look at the gates now.
func (c *call) at(m *method) {
	c.method, c.node, c.of, c.apart = m, m.member.circuit.gate.Load(), nil, false
	if m.circuit != nil {
		c.of, c.apart = m.circuit.gate.Load(), m.member.several.Load()
	}
}

// simple reports whether all that is to be done with the call is to judge it.
func (c *call) simple() bool { return c.node.judge != nil && (c.of == nil || c.of.judge != nil) }

// unjudged reports whether nothing that the call comes to is of interest.
func (c *call) unjudged() bool {
	return c.node.judge == nil && c.node.trial == nil && (c.of == nil || c.of.judge == nil && c.of.trial == nil)
}

// judge makes the call and judges it. One whose context has ended before it
// begins says nothing.
func (c *call) judge(ctx context.Context, request any, next endpoint.Endpoint) (any, error) {
	c.start = c.method.group.clock()
	if c.tooLate(ctx) {
		return next(ctx, request)
	}
	c.begin()
	ended := false
	defer func() {
		if !ended { // a panic, or the goroutine's end: of the caller's own code
			c.account(nothing, c.start, 0, nil)
		}
	}()
	response, err := next(ctx, request)
	now, took := c.timed(err)
	f := c.find(ctx, response, err, took)
	ended = true
	c.account(f, now, took, err)
	return response, err
}

// tooLate reports whether ctx had ended when the call began.
func (c *call) tooLate(ctx context.Context) bool {
	if deadline.Noticed(ctx) != nil {
		return true
	}
	end, ends := ctx.Deadline()
	return ends && int64(end.Sub(c.method.group.start)) <= c.start
}

// begin begins a call whose start is set.
func (c *call) begin() {
	c.answered = c.answers()
	if j := c.node.judge; j != nil {
		c.numberNode = j.begin()
	}
	if c.apart && c.of.judge != nil {
		c.number = c.of.judge.begin()
	}
}

// answers returns a number that grows whenever what the call is judged as has answered,
// and is not to blame: its method, if that is one of several, else the node.
func (c *call) answers() uint64 {
	if c.apart {
		return c.method.answers.Load()
	}
	return c.method.member.lives()
}

// timed returns when the call ended and how long it took. Where nobody needs to
// know, it ended when it began, and took no time.
func (c *call) timed(err error) (now int64, took time.Duration) {
	if err == nil && c.node.set.slow == 0 && !c.method.usual.asks(c.numberNode) {
		return c.start, 0
	}
	now = c.method.group.clock()
	return now, time.Duration(now - c.start)
}

// account takes what was found to whom it concerns.
func (c *call) account(f finding, now int64, took time.Duration, err error) {
	m := c.method.member
	m.tally.add(f)
	if f == well || f == alive {
		m.alive(now)
		if x := c.method.circuit; x != nil {
			x.succeeded(now)
		}
		if c.apart {
			c.method.answers.Add(1)
		}
		if f == well && took > 0 {
			c.method.usual.add(took)
		}
	}
	if f == sickCall {
		m.silence.end()
		c.method.silence.end()
	}
	if c.node.judge != nil {
		slow := took
		if c.apart {
			slow = 0 // one method that is slow is no slow node
		}
		if why, cause := c.node.judge.record(c.numberNode, c.nodeOutcome(f), now, slow, err); why != ReasonNone {
			m.circuit.trip(c.node.gen, why, cause)
		}
	}
	if c.apart && c.of.judge != nil {
		if why, cause := c.of.judge.record(c.number, methodOutcome(f), now, took, err); why != ReasonNone {
			c.method.circuit.trip(c.of.gen, why, cause)
		}
	}
}

// nodeOutcome is what a finding is for the node: a method's failure is the
// node's only if there are no other methods that may be well.
func (c *call) nodeOutcome(f finding) Outcome {
	switch {
	case c.apart && f == sickCall:
		return Success // for the node: it has answered
	case c.apart && f == timeIsOut:
		return Neutral
	}
	return f.counted()
}

// methodOutcome is what a finding is for the method: that the node failed is not
// its fault.
func methodOutcome(f finding) Outcome {
	if f == sickWay {
		return Neutral
	}
	return f.counted()
}
