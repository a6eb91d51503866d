package muxpool

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// toldEvent is the last word of the event's name, the attempt, the reason, and how many
// causes it has if more than one.
func toldEvent(e Event) string {
	s := e.Kind.String()
	s = s[strings.LastIndex(s, " ")+1:]
	if e.Bulk {
		s = "bulk " + s
	}
	if e.Attempt > 0 {
		s += " " + strconv.Itoa(e.Attempt)
	}
	if e.Reason != ReasonNone && e.Reason.String() != e.Kind.String() {
		s += "(" + e.Reason.String() + ")"
	}
	if all := (*expelledError)(nil); errors.As(e.Err, &all) && len(all.errs) > 2 {
		s += "x" + strconv.Itoa(len(all.errs)-1)
	}
	return s
}

// longestWait is the bound of the waits before the next redials, zero if no slot waits.
func (r *slotRig) longestWait() (longest time.Duration) {
	n := r.node()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.slots {
		if s.state == slotWaiting {
			longest = max(longest, min(n.opts.reconnectFirst<<s.tries, n.opts.reconnectLimit))
		}
	}
	return longest
}

// String tells the node's state, its slots' in the order of the alphabet, each with its
// attempts unless zero, and how many dials there were, and Gets that wait or have failed.
func (r *slotRig) String() string {
	n := r.node()
	if n == nil {
		return "forgotten"
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var slots []string
	for _, s := range n.slots {
		word := s.state.String()
		if s.bulk {
			word = "bulk " + word
		}
		if s.tries > 0 {
			word += " " + strconv.Itoa(s.tries)
		}
		slots = append(slots, word)
	}
	slices.Sort(slots)
	s := fmt.Sprintf("%v: %s; dials %d", n.state, strings.Join(slots, ", "), n.counters.dials.Load())
	if n.queue.n > 0 {
		s += fmt.Sprintf("; queued %d", n.queue.n)
	}
	if r.failed > 0 {
		s += fmt.Sprintf("; failed %d", r.failed)
	}
	return s
}

// events tells what was told, in order; "@" is a time since the beginning, where it is
// not that of the event before.
func (r *slotRig) events() string { return strings.Join(r.told, " ") }
