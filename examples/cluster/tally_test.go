package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

func TestFates(t *testing.T) {
	toldBy := func(code verdict.Code, ran verdict.Ran) error {
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
		{toldBy(verdict.CodeConnection, verdict.Maybe), maybeRun},
		{toldBy(verdict.CodeConnection, verdict.NotSent), notRun},
		{toldBy(verdict.CodeDeadlineExceeded, verdict.NotSent), notRun},
		{context.DeadlineExceeded, overdue},
		{fmt.Errorf("%w: of another", errWrongAnswer), wrong},
	} {
		if got := fateOf(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}

// fine is an outcome in which every promise of every scene is held: in each zone a client that calls all nodes, and one that prefers its
// zone; in each of six phases each client makes a call of each method to each node that it calls.
func fine(s scene) *outcome {
	o := &outcome{scene: s, atFirst: 2, zoneOf: map[string]string{"n": north, "s": south, "old": north},
		added: []string{"n", "s"}, atLast: []string{"n", "s"}, gone: []string{"old"}, ran: map[string]int{"of another scene": 2}}
	for i, z := range []string{north, south, north, south} {
		by := calling{zone: z, prefers: i >= 2}
		for k := range 6 {
			p := phase{Chosen: map[string]int{"n": 4, "s": 4}, Fewest: 2}
			for _, node := range []string{"n", "s"} {
				own := o.zoneOf[node] == z
				switch spills := s.name == "spill" && z == north; {
				case by.prefers && spills && k == 1: // its zone has something left
				case by.prefers && spills && k == 3:
					if own {
						continue
					}
				case (by.prefers || s.parts && k == 2) && !own:
					continue
				}
				for _, method := range []string{read, pay} {
					c := call{Method: method, Nonce: fmt.Sprint(z, k, node, method), Node: node}
					if by.prefers {
						c.Nonce += " of who prefers its zone"
					}
					p.Calls = append(p.Calls, c)
					if method == pay {
						o.ran[c.Nonce] = 1
					}
				}
			}
			by.phases = append(by.phases, p)
		}
		o.clients = append(o.clients, by)
	}
	return o
}

// Each promise is broken by what it forbids, and by nothing else.
func TestPromises(t *testing.T) {
	lose := func(k, i int, f fate) func(*outcome) {
		return func(o *outcome) {
			c := &o.clients[1].phases[k].Calls[i]
			c.Fate, c.Node, c.Err = f, "", "lost so"
		}
	}
	chosen := func(k, n int) func(*outcome) {
		return func(o *outcome) { o.clients[1].phases[k].Chosen["old"] = n }
	}
	fewer := func(o *outcome) { o.clients[0].phases[1].Fewest = 1 }
	unanswered := func(k int) func(*outcome) {
		return func(o *outcome) {
			p := &o.clients[0].phases[k]
			p.Calls = p.Calls[:2]
		}
	}
	const northern, southern = 2, 3 // clients that prefer their zone
	answers := func(i, k int, node string, calls ...int) func(*outcome) {
		return func(o *outcome) {
			for n := range o.clients[i].phases[k].Calls {
				if calls == nil || slices.Contains(calls, n) {
					o.clients[i].phases[k].Calls[n].Node = node
				}
			}
		}
	}
	left := "its zone answered 1 calls, the other 1"
	for _, c := range []struct {
		name   string
		spoil  func(*outcome)
		broken map[string]string // by the scene's name; those that are not there hold
	}{
		{"all is well", func(*outcome) {}, nil},
		{"an idempotent call is lost", lose(0, 0, overdue), all("1 idempotent calls were lost, as by lost so")},
		{"another is, and may have been run", lose(0, 1, maybeRun), map[string]string{"grow": "1 calls that are not idempotent were lost, as by lost so",
			"member": "1 calls that are not", "etcd": "1 calls that are not", "deploy": "1 calls that are not"}},
		{"another is, unrun", lose(0, 1, notRun), map[string]string{"grow": "1 calls that are not", "member": "1 calls that are not", "etcd": "1 calls that are not",
			"deploy": "1 calls that are not", "kill": "1 calls were lost that no node had run, as by lost so", "spill": "1 calls were lost that no node", "partition": "1 calls were lost that no node"}},
		{"an answer to another", lose(0, 1, wrong), all("1 answers did not fit")},
		{"one is run twice", func(o *outcome) { o.ran["north0n"+pay] = 2 }, all("1 calls that are not idempotent were run twice")},
		{"one is answered and not run", func(o *outcome) { delete(o.ran, "north0n"+pay) }, all("1 calls were answered and not run")},
		{"an end that is not good", func(o *outcome) { o.unclean = []error{errors.New("exit status 1")} }, all("exit status 1")},
		{"a client without calls", func(o *outcome) { o.clients[0].phases[4].Calls = nil }, all("client 0 made no calls in phase 4")},
		{"no clients", func(o *outcome) { o.clients = nil }, all("there were no clients")},
		{"a dead node is tried", chosen(1, maxTries), map[string]string{"grow": "", "deploy": "old was gone, and chosen 3 times"}},
		{"a dead node is tried again and again", chosen(1, maxTries+1), map[string]string{"kill": "client 1, in phase 1: old was dead, and chosen 4 times", "deploy": "old was gone"}},
		{"one that has gone is chosen", chosen(2, 1), map[string]string{"kill": "client 1, in phase 2: old was gone, and chosen 1 times", "grow": "old was gone"}},
		{"one that has gone is chosen late", chosen(3, 1), map[string]string{"member": "client 1, in phase 3: old was gone"}},
		{"a node is lost sight of", fewer, map[string]string{"member": "client 0 had only 1 nodes of 2 in phase 1", "etcd": "client 0 had only 1", "spill": "client 0 had only 1"}},
		{"a node gets no calls in phase 1", unanswered(1), map[string]string{"grow": "client 0, in phase 1: s answered none of 2 calls", "deploy": "s answered none"}},
		{"a node gets no calls in phase 2", unanswered(2), map[string]string{"member": "s answered none", "etcd": "s answered none"}},
		{"a node gets no calls in phase 3", unanswered(3), map[string]string{"kill": "s answered none"}},
		{"a node gets no calls in phase 4", unanswered(4), map[string]string{"partition": "s answered none"}},
		{"a node gets no calls in phase 5", unanswered(5), map[string]string{"spill": "s answered none"}},
		{"an answer through the partition", func(o *outcome) { o.clients[0].phases[2].Calls[0].Node = "s" }, map[string]string{
			"partition": "client 0, in phase 2: s, in the zone south, answered 1 calls"}},
		{"nobody is added", func(o *outcome) { o.added = nil }, map[string]string{"kill": "nobody was added", "grow": "nobody was added",
			"member": "nobody was added", "deploy": "nobody was added"}},
		{"nobody has gone", func(o *outcome) { o.gone = nil }, map[string]string{"kill": "nobody had gone", "grow": "nobody had gone",
			"member": "nobody had gone", "deploy": "nobody had gone"}},
		{"a call leaves the south in phase 1", answers(southern, 1, "n", 0), map[string]string{"kill": "client 3, in phase 1: " + left, "grow": left, "member": left,
			"etcd": left, "spill": left, "deploy": left}},
		{"a call leaves the north in phase 1", answers(northern, 1, "s", 0), map[string]string{"grow": left, "member": left, "etcd": left, "deploy": left}},
		{"a call leaves the north in phase 2", answers(northern, 2, "s", 0), map[string]string{"grow": left, "member": left, "etcd": left,
			"partition": "client 2, in phase 2: s, in the zone south, answered 1 calls"}},
		{"a call leaves the north in phase 3", answers(northern, 3, "s", 0), map[string]string{"kill": left, "grow": left, "member": left, "etcd": left}},
		{"a call leaves the north in phase 4", answers(northern, 4, "s", 0), map[string]string{"grow": left, "member": left, "etcd": left, "partition": left}},
		{"a call leaves the north in phase 5", answers(northern, 5, "s", 0), map[string]string{"grow": left, "member": left, "etcd": left, "spill": left}},
		{"none leaves a zone that has a third of its nodes", answers(northern, 1, "n"), map[string]string{"spill": "its zone answered 4 calls, the other 0, where about a half should leave"}},
		{"all leave a zone that has a third of its nodes", answers(northern, 1, "s"), map[string]string{"spill": "its zone answered 0 calls, the other 4, where",
			"grow": "its zone answered 0 calls", "member": "its zone answered 0", "etcd": "its zone answered 0", "deploy": "n answered none"}},
		{"a dead zone answers", answers(northern, 3, "n", 0), map[string]string{"spill": "its zone, which was dead, answered 1 calls, the other 1"}},
		{"who prefers its zone loses a call", func(o *outcome) {
			c := &o.clients[northern].phases[1].Calls[1]
			c.Fate, c.Node, c.Err = maybeRun, "", "lost so"
		}, map[string]string{"grow": "1 calls that are not", "member": "1 calls that are not", "etcd": "1 calls that are not", "deploy": "1 calls that are not",
			"partition": "client 2, which prefers its zone, lost stock.Pay: lost so"}},
		{"nobody prefers its zone", func(o *outcome) {
			for i := range o.clients {
				o.clients[i].prefers = false
			}
		}, all("no client prefers its zone")},
	} {
		for _, s := range scenes {
			o := fine(s)
			c.spoil(o)
			o.sumUp()
			err, want := o.broken(), c.broken[s.name]
			if want == "" && err != nil || want != "" && (!errors.Is(err, errBroken) || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, %s: %v, want %q", s.name, c.name, err, want)
			}
		}
	}
}

// all are all scenes, with what breaks in each.
func all(broken string) map[string]string {
	in := make(map[string]string)
	for _, s := range scenes {
		in[s.name] = broken
	}
	return in
}

// On a machine that did not run the load in time a loss proves nothing; that nothing is lost does, and so does an answer to
// another call.
func TestProofs(t *testing.T) {
	for _, c := range []struct {
		late time.Duration
		fate fate
		want bool
	}{{0, answered, true}, {0, maybeRun, true}, {heldUp, answered, true}, {heldUp, maybeRun, false}, {heldUp, wrong, true}} {
		o := fine(scenes[0])
		o.clients[0].phases[0].Calls[0].Late, o.clients[0].phases[0].Calls[0].Fate = c.late, c.fate
		o.sumUp()
		if got := o.proves(); got != c.want {
			t.Errorf("%v late, %v: %v", c.late, c.fate, got)
		}
	}
}
