package main

import (
	"errors"
	"fmt"
	"time"
)

// errBroken is in the error of a run in which a promise was broken.
var errBroken = errors.New("a promise was broken")

// outcome is what a scene came to.
type outcome struct {
	scene     scene
	look, buy tally
	unclean   []error // how processes ended that did not in good order
}

// promise returns what of an outcome breaks it, nil if nothing does.
type promise func(*outcome) error

// certain are the promises that hold in every scene, however late everything is; always those that hold where it
// is not.
var (
	certain = []promise{answersFit, nothingTwice, nothingMissing}
	always  = []promise{callsMade, endedWell}
)

// broken says which promises a scene broke.
func (o *outcome) broken() error {
	return errors.Join(o.check(certain), o.check(always), o.check(o.scene.promises))
}

func (o *outcome) check(promises []promise) (err error) {
	for _, p := range promises {
		if broke := p(o); broke != nil {
			err = errors.Join(err, fmt.Errorf("%w: %s: %w", errBroken, o.scene.name, broke))
		}
	}
	return err
}

// heldUp is how late calls are on a machine that does not run this program in time: what is lost there
// to a deadline, or to a silence of seconds, says nothing of muxkit.
const heldUp = 250 * time.Millisecond

// proves reports whether the outcome says something of muxkit.
func (o *outcome) proves() bool {
	return max(o.look.late, o.buy.late) < heldUp || o.check(certain) != nil || o.broken() == nil
}

func callsMade(o *outcome) error {
	return unless(o.look.calls() > 0 && o.buy.calls() > 0, "only %d and %d calls were made", o.look.calls(), o.buy.calls())
}

func answersFit(o *outcome) error {
	n := o.look.fates[wrong] + o.buy.fates[wrong]
	return unless(n == 0, "%d answers did not fit their calls", n)
}

func nothingTwice(o *outcome) error {
	return unless(o.buy.twice == 0, "%d purchases were made twice", o.buy.twice)
}

func nothingMissing(o *outcome) error {
	return unless(o.buy.missing == 0, "%d purchases were answered and not made", o.buy.missing)
}

// endedWell: what is told to end does, when it has answered all that it was sent.
func endedWell(o *outcome) error { return errors.Join(o.unclean...) }

// idempotentKept: each call that may be repeated was answered, within its time.
func idempotentKept(o *outcome) error {
	return unless(o.look.lost() == 0, "%d idempotent calls were lost, as by %w", o.look.lost(), o.look.example)
}

// nothingLost: nor was any other call.
func nothingLost(o *outcome) error {
	return errors.Join(idempotentKept(o),
		unless(o.buy.lost() == 0, "%d calls that are not idempotent were lost, as by %w", o.buy.lost(), o.buy.example))
}

func unless(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
