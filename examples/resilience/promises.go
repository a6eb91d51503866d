package main

import (
	"errors"
	"fmt"
	"time"
)

// errBroken is in the error of a run in which a promise was broken.
var errBroken = errors.New("a promise was broken")

// promise returns what of an outcome breaks it, nil if nothing does.
type promise func(outcome) error

// always are the promises that hold whatever breakers there are.
var always = []promise{callsMade, answersFit, nothingTwice}

// broken says which promises a round broke. What is lost without muxkit's breakers is
// no promise: the table shows it.
func (o outcome) broken() error {
	if !o.promised() {
		return o.check(always)
	}
	return errors.Join(o.check(always), o.check(o.scene.promises), o.check(o.scene.timely))
}

// promised reports whether it is muxkit that was seen, as it is meant to be used.
func (o outcome) promised() bool { return o.guard == judged || o.guard == documented }

// proves reports whether the round says something of muxkit: that only timely promises
// are broken says nothing if the machine held this program up.
func (o outcome) proves() bool {
	return o.late < heldUp || !o.promised() || o.check(o.scene.timely) == nil ||
		errors.Join(o.check(always), o.check(o.scene.promises)) != nil
}

// heldUp is how late calls are on a machine that does not run this program in time.
const heldUp = 50 * time.Millisecond

func (o outcome) check(promises []promise) (err error) {
	for _, p := range promises {
		if broke := p(o); broke != nil {
			err = errors.Join(err, fmt.Errorf("%w: %s, %s: %w", errBroken, o.scene.name, o.guarded(), broke))
		}
	}
	return err
}

func callsMade(o outcome) error {
	return o.each(func(t tally) error { return unless(t.calls > 0, "no calls of %s were made", t.method) })
}

func answersFit(o outcome) error {
	return o.each(func(t tally) error { return unless(t.wrong == 0, "%d answers did not fit their calls", t.wrong) })
}

func nothingTwice(o outcome) error {
	return unless(o.repeated == 0, "%d calls that are not idempotent reached nodes twice", o.repeated)
}

func idempotentKept(o outcome) error {
	return o.each(func(t tally) error {
		lost := t.lost() - t.overdue
		return unless(t.method == methodPut || lost == 0, "%d idempotent calls were lost, as by %w", lost, t.example)
	})
}

// idempotentInTime: nor is any lost because its time was over before an answer came, nor one of the others before a node
// had got it. That is a promise about time: a node that gets no processor answers nothing either.
func idempotentInTime(o outcome) error {
	return o.each(func(t tally) error {
		if t.method == methodPut {
			return unless(t.stayed == 0, "%d calls that no node had got ran out of time, as by %w", t.stayed, t.example)
		}
		return unless(t.overdue == 0, "%d idempotent calls ran out of time, as by %w", t.overdue, t.example)
	})
}

func nothingUnsentLost(o outcome) error {
	return o.each(func(t tally) error {
		return unless(t.unsent == 0, "%d calls were lost that no node had got, as by %w", t.unsent, t.example)
	})
}

// goodKept: no good call is lost, idempotent or not.
func goodKept(o outcome) error {
	return o.each(func(t tally) error {
		lost := t.lost() - t.overdue
		return unless(t.other || lost == 0, "%d calls of %s were lost, as by %w", lost, t.method, t.example)
	})
}

// goodInTime is idempotentInTime for all good calls.
func goodInTime(o outcome) error {
	return o.each(func(t tally) error {
		return unless(t.other || t.overdue == 0, "%d calls of %s ran out of time, as by %w", t.overdue, t.method, t.example)
	})
}

// othersAnswered: the others get the answers that they must expect, all. Who gives a
// call no time may be lucky.
func othersAnswered(o outcome) error {
	return o.each(func(t tally) error {
		lucky := t.timeout > 0 && t.lost() == t.overdue
		otherwise := t.calls - t.asSuch - t.overdue
		return unless(!t.other || otherwise == 0 || lucky, "%d of %d calls were not answered with %v, as by %w",
			otherwise, t.calls, t.fails, t.example)
	})
}

// othersInTime: nor do they wait for them until their time is over.
func othersInTime(o outcome) error {
	return o.each(func(t tally) error {
		return unless(!t.other || t.overdue == 0, "%d calls of others ran out of time, as by %w", t.overdue, t.example)
	})
}

// halfAtOnce: half of the calls take no longer than one attempt may, at any time.
func halfAtOnce(o outcome) (err error) {
	for p, q := range o.tallies[0].latency {
		err = errors.Join(err, unless(q.p50 <= perTryTimeout, "%s: half of the calls took over %v", phase(p), q.p50))
	}
	return err
}

// othersFailFast: what cannot be had keeps its callers waiting for no longer than half
// of one attempt's time, retries included.
func othersFailFast(o outcome) error {
	return o.each(func(t tally) error {
		return unless(!t.other || t.latency[later].p99 <= perTryTimeout/2, "%s took %v to fail", t.method, t.latency[later].p99)
	})
}

// nobodyWaitsOn: a second after the nodes are back nobody waits who did before, and who
// came later has waited no longer.
func nobodyWaitsOn(o outcome) error {
	bound := time.Second + o.late
	return unless(o.waited <= bound, "a call waited for %v once the nodes were back, which is over %v", o.waited, bound)
}

// backSoon: a second after the nodes are back each of them answers.
func backSoon(o outcome) error {
	bound := time.Second + o.late
	return unless(o.back <= bound, "a node that was back answered nothing for %v, which is over %v", o.back, bound)
}

func nothingOpens(o outcome) error {
	node, method := o.openings()
	return unless(node+method == 0, "breakers opened: %s", o.firstOpening())
}

func noNodeOpens(o outcome) error {
	node, _ := o.openings()
	return unless(node == 0, "the breaker of a node opened %d times: %s", node, o.firstOpening())
}

func aMethodOpens(o outcome) error {
	_, method := o.openings()
	return unless(method > 0, "no method's breaker opened")
}

// onlyVictimsMethodOpens: where a method fails, its breaker opens, and no other.
func onlyVictimsMethodOpens(o outcome) error {
	for _, c := range o.opened {
		if c.Node.Address != o.victim || c.Method != o.scene.hurts {
			return fmt.Errorf("another breaker opened, %s of %v", c.Method, c.Node)
		}
	}
	return aMethodOpens(o)
}

// allStayInUse: each node gives its fair share of the good answers of methods that are
// well. Only taken in turn are nodes used evenly: half of it may be due to chance, and
// to the load by which PowerOfTwo compares them.
func allStayInUse(o outcome) error {
	fair := 0.5 / 3
	if o.inTurn {
		fair = 0.9 / 3
	}
	return unless(o.leastUsed >= fair, "a node gave only %.0f%% of the good answers", 100*o.leastUsed)
}

// goodputKept: as many calls are answered as the nodes can.
func goodputKept(o outcome) error {
	return unless(o.goodput >= 0.95*o.possible, "%.0f good answers a second are %.1f%% of the capacity, %.0f",
		o.goodput, 100*o.goodput/o.possible, o.possible)
}

func (o outcome) each(check func(tally) error) (err error) {
	for _, t := range o.tallies {
		err = errors.Join(err, check(t))
	}
	return err
}

func unless(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
