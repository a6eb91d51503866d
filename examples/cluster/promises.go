package main

import (
	"errors"
	"fmt"
	"time"
)

// errBroken is in the error of a run in which a promise was broken.
var errBroken = errors.New("a promise was broken")

// promise returns what of an outcome breaks it, nil if nothing does. All are judged by the calls'
// nonces and by how often a node was chosen, in phases; none by times.
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
// to a deadline, or to a lease that was not renewed, says nothing of muxkit.
const heldUp = 250 * time.Millisecond

// proves reports whether the outcome says something of muxkit.
func (o *outcome) proves() bool {
	return o.late < heldUp || o.check(certain) != nil || o.broken() == nil
}

// callsMade: each client made calls, in each phase.
func callsMade(o *outcome) (err error) {
	for i, c := range o.clients {
		for k, p := range c.phases {
			err = errors.Join(err, unless(len(p.Calls) > 0, "client %d made no calls in phase %d", i, k))
		}
	}
	return errors.Join(err, unless(len(o.clients) > 0, "there were no clients"))
}

func answersFit(o *outcome) error {
	n := o.reads.fates[wrong] + o.pays.fates[wrong]
	return unless(n == 0, "%d answers did not fit their calls", n)
}

func nothingTwice(o *outcome) error {
	return unless(o.pays.twice == 0, "%d calls that are not idempotent were run twice", o.pays.twice)
}

func nothingMissing(o *outcome) error {
	return unless(o.pays.missing == 0, "%d calls were answered and not run", o.pays.missing)
}

// endedWell: what is told to end does, when it has answered all that it was sent.
func endedWell(o *outcome) error { return errors.Join(o.unclean...) }

// idempotentKept: each call that may be repeated was answered.
func idempotentKept(o *outcome) error {
	return unless(o.reads.lost() == 0, "%d idempotent calls were lost, as by %s", o.reads.lost(), o.reads.example)
}

// unsentKept: so was each of the others that surely no node had run.
func unsentKept(o *outcome) error {
	n := o.pays.fates[notRun]
	return unless(n == 0, "%d calls were lost that no node had run, as by %s", n, o.pays.example)
}

// nothingLost: no call at all was, since the change was announced, or nothing befell the nodes.
func nothingLost(o *outcome) error {
	return errors.Join(idempotentKept(o),
		unless(o.pays.lost() == 0, "%d calls that are not idempotent were lost, as by %s", o.pays.lost(), o.pays.example))
}

// nobodyGone: at no call did a client have fewer nodes than there were at first: who has lost etcd has lost nobody.
func nobodyGone(o *outcome) error {
	for i, c := range o.clients {
		for k, p := range c.phases {
			if p.Fewest < o.atFirst {
				return fmt.Errorf("client %d had only %d nodes of %d in phase %d", i, p.Fewest, o.atFirst, k)
			}
		}
	}
	return nil
}

// each is a promise of each client's part in a phase.
func each(k int, broken func(*outcome, calling, phase) error) promise {
	return func(o *outcome) error {
		for i, c := range o.clients {
			if k >= len(c.phases) {
				return fmt.Errorf("there was no phase %d", k)
			}
			if err := broken(o, c, c.phases[k]); err != nil {
				return fmt.Errorf("client %d, in phase %d: %w", i, k, err)
			}
		}
		return nil
	}
}

// maxTries is for how many attempts of a client's a node is chosen when it has died: those that began before the client
// had heard of it.
const maxTries = 3

// outAtOnce: a node that was killed is not chosen any more, though it is named.
func outAtOnce(k int) promise {
	return each(k, func(o *outcome, _ calling, p phase) error {
		for _, node := range o.gone {
			if n := p.Chosen[node]; n > maxTries {
				return fmt.Errorf("%s was dead, and chosen %d times, in %d calls", node, n, len(p.Calls))
			}
		}
		return nil
	})
}

// notCalled: who has gone is named no more: it is chosen for nothing.
func notCalled(k int) promise {
	return each(k, func(o *outcome, _ calling, p phase) error {
		for _, node := range o.gone {
			if n := p.Chosen[node]; n > 0 {
				return fmt.Errorf("%s was gone, and chosen %d times", node, n)
			}
		}
		return unless(len(o.gone) > 0, "nobody had gone")
	})
}

// addedCalled: who was added gets calls.
func addedCalled(k int) promise {
	return each(k, func(o *outcome, by calling, p phase) error {
		return errors.Join(unless(len(o.added) > 0, "nobody was added"), o.answeredBy(by, p, o.added))
	})
}

// allCalled: all nodes that there are get calls.
func allCalled(k int) promise {
	return each(k, func(o *outcome, by calling, p phase) error {
		return errors.Join(unless(len(o.atLast) > 0, "there are no nodes"), o.answeredBy(by, p, o.atLast))
	})
}

// answeredBy: each of the nodes has answered a client, but for those of the other zone, if it prefers its own.
func (o *outcome) answeredBy(by calling, p phase, nodes []string) error {
	answers := p.answers()
	for _, node := range nodes {
		if answers[node] == 0 && !(by.prefers && o.zoneOf[node] != by.zone) {
			return fmt.Errorf("%s answered none of %d calls", node, len(p.Calls))
		}
	}
	return nil
}

// ownZoneOnly: parted from the other zone, a client is answered by the nodes of its own.
func ownZoneOnly(k int) promise {
	return each(k, func(o *outcome, by calling, p phase) error {
		own := 0
		for node, n := range p.answers() {
			if o.zoneOf[node] != by.zone {
				return fmt.Errorf("%s, in the zone %s, answered %d calls", node, o.zoneOf[node], n)
			}
			own += n
		}
		return unless(own > 0, "no node of the zone %s answered", by.zone)
	})
}
