package main

import (
	"errors"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// fate is what became of a call.
type fate uint8

const (
	answered fate = iota
	notRun        // lost: no node has run it, nor will
	overdue       // lost: its time was over, and it may have been run
	maybeRun      // lost otherwise, and it may have been run
	wrong         // it got the answer to another call
	fates
)

// errWrongAnswer is an answer that belongs to another call.
var errWrongAnswer = errors.New("the answer does not fit the call")

func fateOf(err error) fate {
	if err == nil {
		return answered
	}
	switch v := verdict.Of(err); {
	case errors.Is(err, errWrongAnswer):
		return wrong
	case v.SafeToRetry():
		return notRun
	case v.Code == verdict.CodeDeadlineExceeded:
		return overdue
	}
	return maybeRun
}

// tally is what became of a scene's calls of a method, of all clients and phases.
type tally struct {
	fates   [fates]int
	twice   int // that were run twice
	missing int // that were answered and not run
	left    int // that another zone has answered than the one that the client prefers
	example string
}

// outcome is what a scene came to.
type outcome struct {
	scene       scene
	clients     []calling
	ran         map[string]int // by the nonce of what may be run only once: how often it was
	unclean     []error        // how processes ended that did not in good order
	late        time.Duration  // the longest that a call was made after it was due
	reads, pays tally

	// What is known of nodes, by their addresses.
	zoneOf      map[string]string // of all that there were
	atFirst     int               // how many there were
	added, gone []string          // gone are those that were killed, or have left
	atLast      []string
}

// calling is what a client tells of a scene.
type calling struct {
	zone    string
	prefers bool // the nodes of its zone
	phases  []phase
}

// sumUp counts what became of the nonces.
func (o *outcome) sumUp() {
	for _, by := range o.clients {
		for _, c := range by.calls() {
			t := &o.reads
			if c.Method == pay {
				t = &o.pays
				if n := o.ran[c.Nonce]; n > 1 {
					t.twice++
				} else if n == 0 && c.Fate == answered {
					t.missing++
				}
			}
			t.fates[c.Fate]++
			if by.prefers && c.Fate == answered && o.zoneOf[c.Node] != by.zone {
				t.left++
			}
			if t.example == "" {
				t.example = c.Err
			}
			o.late = max(o.late, c.Late)
		}
	}
}

func (by calling) calls() (calls []call) {
	for _, p := range by.phases {
		calls = append(calls, p.Calls...)
	}
	return calls
}

func (t *tally) calls() (n int) {
	for _, of := range t.fates {
		n += of
	}
	return n
}

func (t *tally) lost() int { return t.calls() - t.fates[answered] }

// answers are how many calls each node has answered.
func (p phase) answers() map[string]int {
	by := make(map[string]int)
	for _, c := range p.Calls {
		if c.Fate == answered {
			by[c.Node]++
		}
	}
	return by
}
