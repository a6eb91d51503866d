package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

func TestFates(t *testing.T) {
	told := func(code verdict.Code, ran verdict.Ran) error {
		v := verdict.ByCode(code)
		v.Ran = ran
		return verdict.Tell(errors.New("x"), v)
	}
	for _, c := range []struct {
		err  error
		want fate
	}{
		{nil, answered},
		{errors.New("x"), maybeRun},
		{told(verdict.CodeConnection, verdict.Maybe), maybeRun},
		{told(verdict.CodeConnection, verdict.NotSent), notRun},
		{told(verdict.CodeUnavailable, verdict.Refused), notRun},
		{told(verdict.CodeDeadlineExceeded, verdict.NotSent), notRun},
		{context.DeadlineExceeded, overdue},
		{fmt.Errorf("%w: of another", errWrongAnswer), wrong},
	} {
		if got := fateOf(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}

// Each promise is broken by what it forbids, and by nothing else.
func TestPromises(t *testing.T) {
	lost := errors.New("lost")
	fine := []result{{method: look, nonce: "a"}, {method: buy, nonce: "b"}}
	sold := map[string]int{"b": 1, "of another scene": 2}
	for _, c := range []struct {
		name     string
		results  []result
		sold     map[string]int
		restarts bool   // else it is the scene kill
		broken   string // empty: nothing is
	}{
		{"all is well", fine, sold, true, ""},
		{"all is well", fine, sold, false, ""},
		{"no calls", nil, sold, false, "only 0 and 0 calls"},
		{"a purchase is lost in a restart", append(fine, result{method: buy, nonce: "c", err: lost}), sold, true, "1 calls that are not idempotent"},
		{"a purchase is lost by a kill", append(fine, result{method: buy, nonce: "c", err: lost}), sold, false, ""},
		{"it was made all the same", append(fine, result{method: buy, nonce: "c", err: lost}), map[string]int{"b": 1, "c": 1}, false, ""},
		{"a look is lost by a kill", append(fine, result{method: look, nonce: "c", err: lost}), sold, false, "1 idempotent calls were lost"},
		{"a look is late", append(fine, result{method: look, nonce: "c", err: context.DeadlineExceeded}), sold, false, "1 idempotent calls were lost"},
		{"a purchase is made twice", fine, map[string]int{"b": 2}, false, "1 purchases were made twice"},
		{"a purchase is not made", fine, nil, false, "1 purchases were answered and not made"},
		{"an answer to another", append(fine, result{method: buy, nonce: "c", err: errWrongAnswer}), sold, false, "1 answers did not fit"},
	} {
		s := scenes[1]
		if c.restarts {
			s = scenes[0]
		}
		o := newOutcome(s)
		for _, r := range c.results {
			o.add(r)
		}
		o.buy.check(c.sold)
		err := o.broken()
		if c.broken == "" && err != nil || c.broken != "" && (!errors.Is(err, errBroken) || !strings.Contains(err.Error(), c.broken)) {
			t.Errorf("%s, %s: %v, want %q", s.name, c.name, err, c.broken)
		}
	}
}

func TestEndsThatAreNotGoodBreakAPromise(t *testing.T) {
	o := newOutcome(scenes[0])
	o.add(result{method: look, nonce: "a"})
	o.add(result{method: buy, nonce: "b"})
	o.buy.check(map[string]int{"b": 1})
	if err := o.broken(); err != nil {
		t.Error(err)
	}
	bad := errors.New("exit status 1")
	o.unclean = []error{bad}
	if err := o.broken(); !errors.Is(err, errBroken) || !errors.Is(err, bad) {
		t.Error(err)
	}
}

// On a machine that did not run the load in time a loss proves nothing; that nothing is lost does, and so does an answer to
// another call.
func TestProofs(t *testing.T) {
	for _, c := range []struct {
		late time.Duration
		err  error
		want bool
	}{{0, nil, true}, {0, errors.New("lost"), true}, {heldUp, nil, true}, {heldUp, errors.New("lost"), false}, {heldUp, errWrongAnswer, true}} {
		o := newOutcome(scenes[0])
		o.add(result{method: look, late: c.late, err: c.err})
		o.add(result{method: buy, nonce: "b"})
		o.buy.check(map[string]int{"b": 1})
		if got := o.proves(); got != c.want {
			t.Errorf("%v late, %v: %v", c.late, c.err, got)
		}
	}
}
