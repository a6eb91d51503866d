package breaker

import (
	"errors"
	"time"

	"github.com/sony/gobreaker"
)

// WithGobreaker takes over the settings of a gobreaker.CircuitBreaker, each circuit
// for itself. They keep the meaning that they have there, including their defaults:
//   - ReadyToTrip takes the place of the default detectors; those of
//     WithDetectors work beside it. It runs on the call path, under gobreaker's
//     mutex, and must not call the Group.
//   - Interval clears its Counts.
//   - Timeout is the time of the first ejection, unless WithEjectionTime sets one.
//   - MaxRequests is the number of probes, unless WithProbes sets one.
//   - IsSuccessful judges the answers, and the errors that are not neutral
//     anyhow, unless WithClassifier sets another.
//   - OnStateChange is called like a listener of Subscribe, outside of every
//     lock, for nodes and not for their methods.
//   - Name is what OnStateChange gets; if empty, the node.
//
// What is not as there:
//   - A call counts when it ends and not when it begins: Counts.Requests are calls
//     that have ended with an answer or a failure, in the Interval of their end: one that
//     speaks against nobody, as a business error, is a success.
//   - Timeout is doubled from one ejection to the next, and has jitter: see
//     WithEjectionTime and WithoutJitter. One over 365 days is taken for that.
//   - A half-open circuit that takes no more probes refuses with an OpenError, in
//     which errors.Is finds gobreaker.ErrOpenState; gobreaker.ErrTooManyRequests
//     is never in the chain.
//   - An only node is not put out while some of its calls succeed.
func WithGobreaker(st gobreaker.Settings) Option {
	return func(s *settings) { s.gobreaker = &st }
}

// counter is a gobreaker that counts and asks its ReadyToTrip, no more. It is fed
// when a call has ended, and only with good calls and failures: the version 1.0.0
// knows no neutral result, and wedges half-open when a call never reports. Its own
// open and half-open states are never used.
type counter struct {
	cb   *gobreaker.CircuitBreaker
	from *gobreaker.Settings
}

// never is a Timeout for gobreaker that no process sees the end of.
const never = 100 * 365 * 24 * time.Hour

var errFailed = errors.New("breaker: failed call")

// What gobreaker executes: calls that have already ended.
func succeeded() (any, error)  { return nil, nil }
func failedCall() (any, error) { return nil, errFailed }

// configureOwn makes the judge's counter fit the settings. One that is there
// keeps its Interval and what it has counted.
func (j *judge) configureOwn(set *settings) {
	old := j.own.Load()
	if set.gobreaker == nil {
		j.own.Store(nil)
		return
	}
	c := &counter{from: set.gobreaker}
	if old != nil {
		c.cb = old.cb
	} else {
		c.cb = gobreaker.NewCircuitBreaker(gobreaker.Settings{Interval: set.gobreaker.Interval, Timeout: never, ReadyToTrip: j.readyToTrip})
	}
	j.own.Store(c)
}

// readyToTrip runs under gobreaker's mutex. gobreaker's own default, which also
// stands in for a user's function that panics, is more than 5 failures in a row.
func (j *judge) readyToTrip(c gobreaker.Counts) (ready bool) {
	ready = c.ConsecutiveFailures > 5
	if own := j.own.Load(); own != nil && own.from.ReadyToTrip != nil {
		j.group.contain("ReadyToTrip", func() { ready = own.from.ReadyToTrip(c) })
	}
	return ready
}

// record reports whether the counter says that the circuit is to be ejected.
func (c *counter) record(o Outcome) bool {
	if o == Success {
		c.cb.Execute(succeeded)
		return false
	}
	c.cb.Execute(failedCall)
	return c.cb.State() == gobreaker.StateOpen
}

// stateOf is gobreaker's word for a State.
func stateOf(s State) gobreaker.State {
	switch s {
	case Open:
		return gobreaker.StateOpen
	case HalfOpen:
		return gobreaker.StateHalfOpen
	}
	return gobreaker.StateClosed
}
