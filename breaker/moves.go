package breaker

import "time"

// step is what can happen to a circuit.
type step uint8

const (
	ejected   step = iota // a source put it out
	spared                // its calls spoke against it, and it may not go
	over                  // the time of its ejection is over
	reached               // a Prober could connect, or hangs: users' calls prove the rest
	proved                // probes, or a Prober, proved its health
	failed                // a probe failed
	pardoned              // an operator forgave it
	stepCount             //
)

// stay is the move of a step that means nothing in a state.
const stay State = 255

// moves is the machine: where each step leads from each state. A move into the
// same state begins it anew.
var moves = [...][stepCount]State{
	//         ejected spared  over      reached   proved  failed  pardoned
	Closed:   {Open, Closed, stay, stay, stay, stay, Closed},
	Open:     {Open, stay, HalfOpen, HalfOpen, Closed, Open, Closed},
	HalfOpen: {Open, stay, stay, stay, Closed, Open, Closed},
}

// move is the one door through which a circuit changes its state. Every move makes
// a new generation: what was under way in the one before comes too late. mu is
// held.
func (c *circuit) move(now time.Time, s step, why Reason, cause error) {
	to := moves[c.state][s]
	if to == stay || c.ended() {
		return
	}
	if to == HalfOpen && c.member.oneWay() {
		to = Closed // it would wait for a proof that no call can bring
	}
	if c.state == Closed {
		c.left, c.lives = now, c.member.lives()
	}
	if to == Open && c.state != Open {
		c.tried(now)
		c.member.tally.ejected(c)
	}
	if s == ejected || s == failed && cause != errProbeDeadline {
		c.grudge++
	}
	if to == Closed && c.state != Closed {
		c.back = now
	}
	c.gen++
	c.state, c.judge, c.trial = to, nil, nil
	switch to {
	case Closed:
		c.judge = newJudge(c.node().group, c.set())
		if s != spared {
			c.latches, c.pace.calm = latches{}, now
			c.active.silent, c.active.mute, c.active.refused, c.active.runs = false, false, false, 0
		}
	case HalfOpen:
		c.trial = newTrial(c.set().probes, now, now.Add(c.set().probeTimeout), c.grudge)
	}
	c.publish(now, why, cause)
}
