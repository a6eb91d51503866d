package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/muxkit/muxkit/breaker"
)

// promise is something that muxkit says, and what came of it in this run.
type promise struct {
	text   string
	held   bool
	detail string
}

// errBroken is the error of a run in which a promise was broken.
var errBroken = errors.New("a promise was broken")

// evidence is what the promises are judged by.
type evidence struct {
	callers   int
	calls     int64
	wrong     int64
	failed    int64
	killed    *account       // of the node that was killed; nil if none was
	opened    breaker.Change // how its breaker opened
	received  int64          // calls that the restarted process counted
	sentSince int64          // calls that the client sent to the node since its death
}

// judge says which promises held.
func (e evidence) judge() []promise {
	all := []promise{
		{"every answer matched its call", e.wrong == 0 && e.calls > 0, fmt.Sprintf("%d calls, %d wrong answers", e.calls, e.wrong)},
		{"no call failed", e.failed == 0, fmt.Sprintf("%d of %d failed", e.failed, e.calls)},
	}
	if e.killed == nil {
		return all
	}
	k := e.killed
	probes, allowed := k.outside.Load(), k.halfOpen.Load()
	crossing, most := k.crossing.Load(), k.opened.Load()*int64(e.callers)
	return append(all,
		promise{"the breaker opened at the word of the pool", fromPool(e.opened.Reason),
			fmt.Sprintf("reason: %s", e.opened.Reason)},
		promise{"while it was open no call went to the node", probes <= allowed && crossing <= most,
			fmt.Sprintf("%d as probes, of %d due; %d had passed the breaker when it opened", probes, allowed, crossing)},
		promise{"the node was back in use after its restart", e.received > 1 && e.received <= e.sentSince,
			fmt.Sprintf("the new process received %d calls, of %d sent since the kill", e.received, e.sentSince)})
}

// fromPool reports whether a breaker that opened for r did so because of an event
// of the pool, rather than of the outcomes of calls.
func fromPool(r breaker.Reason) bool {
	switch r {
	case breaker.ReasonNodeExpelled, breaker.ReasonReconnectLimit, breaker.ReasonDialFailed, breaker.ReasonConnLost,
		breaker.ReasonProtocolError, breaker.ReasonKeepAliveTimeout, breaker.ReasonStalled:
		return true
	}
	return false
}

// printPromises writes the verdicts, and returns errBroken if there is a reason to.
func printPromises(w io.Writer, all []promise) (err error) {
	fmt.Fprintln(w, "\nWhat was promised:")
	for _, p := range all {
		verdict := "held  "
		if !p.held {
			verdict, err = "BROKEN", errBroken
		}
		fmt.Fprintf(w, "  %s  %s (%s)\n", verdict, p.text, p.detail)
	}
	return err
}
