package main

import (
	"fmt"
	"io"
	"time"
)

// table prints outcomes of scenes that are compared with the same.
type table struct {
	without guard
	title   string
	heading string
	line    func(io.Writer, outcome)
	legend  string
}

func tables() []table {
	return []table{{
		without: unguarded,
		title:   "A node falls sick: without breakers, and with muxkit's",
		heading: fmt.Sprintf(sickHeading, "", "", "gets", "puts", "before", "1st half", "2nd half", "after", "sent", "breaker open") +
			fmt.Sprintf(sickHeading, "case", "breaker", "call lost", "call lost", "p50  p99", "p50  p99", "p50  p99", "p50  p99",
				"", "after, why"),
		line: printSick,
		legend: `Retries are on in every row. gets are idempotent: with breakers none may be lost. puts are not: one that the sick
node may have got is not sent again, and lost; none came to a node twice. Times are those of gets, lost ones
included, in ms from when the call was due; the halves are those of the time that the node was sick, sent is what
was sent to it then, and its breaker opened so many ms after it fell sick.
`,
	}, {
		without: usual,
		title:   "Whose fault was it? Without judgement (one circuit a node, every error counts), and with muxkit's",
		heading: fmt.Sprintf(blameHeading, "", "", "good calls", "goodput a second", "least", "opened", "bad calls", "back") +
			fmt.Sprintf(blameHeading, "case", "judgement", "calls lost", "had    of    share", "node", "node method", "failed as such   p99", "after"),
		line: printBlame,
		legend: `Good calls are those that are not to suffer; of overload, all. Goodput is their answers while it lasts, of those
that were asked for, or of the capacity measured just before. The least node is the share of the node that gave the
fewest of them, the method that fails aside; fair are 33%. Opened: how often breakers did. Bad calls: those of the
bad caller, those that need what is down, those over the capacity; as such: with the error that says so; p99 is that
of the time they took in the second half. Back: when all nodes had answered again what was hurt. Times in ms.
`,
	}, {
		without: documented,
		title:   "Restarts and outages of two nodes, with the README's own wiring",
		heading: fmt.Sprintf(restartHeading, "", "gets", "puts", "puts", "before", "meanwhile", "after", "longest", "breakers") +
			fmt.Sprintf(restartHeading, "case", "call lost", "call lost", "twice", "p50  p99", "p50  p99", "p50  p99", "after", "opened"),
		line: printRestart,
		legend: `Calls wait for a node while there is none, up to 10 s. None may be lost but puts that a killed node may have got.
Times are those of gets, in ms from when a call was due. Longest after: of all calls, the longest that one took of
the time after the nodes were back; it may be a second in an outage. In one, fewer calls are made: 1024 may wait.
`,
	}}
}

const (
	sickHeading = "%-10s  %-7s  %9s  %9s  %9s  %9s  %9s  %9s  %5s  %s\n"
	sickLine    = "%-10s  %-7s  %4d %4d  %4d %4d  %4s %4s  %4s %4s  %4s %4s  %4s %4s  %5d  %s\n"

	restartHeading = "%-15s  %9s  %9s  %5s  %9s  %11s  %9s  %7s  %8s\n"
	restartLine    = "%-15s  %4d %4d  %4d %4d  %5d  %4s %4s  %5s %5s  %4s %4s  %7s  %8d\n"

	blameHeading = "%-18s  %-9s  %11s  %18s  %5s  %11s  %20s  %5s\n"
	blameLine    = "%-18s  %-9s  %6d %4d  %6.1f %5.1f %4.0f%%  %4.0f%%  %4d %6d  %6d %7d %5s  %5s\n"
)

func printRestart(w io.Writer, o outcome) {
	gets, puts := o.tallies[0], o.tallies[1]
	l := gets.latency
	node, method := o.openings()
	fmt.Fprintf(w, restartLine, o.scene.name, gets.calls, gets.lost(), puts.calls, puts.lost(), o.repeated,
		ms(l[before].p50), ms(l[before].p99), ms(l[onset].p50), ms(l[onset].p99), ms(l[after].p50), ms(l[after].p99),
		orNone(o.waited), node+method)
}

func printSick(w io.Writer, o outcome) {
	gets, puts := o.tallies[0], o.tallies[1]
	l := gets.latency
	fmt.Fprintf(w, sickLine, o.scene.name, o.guarded(), gets.calls, gets.lost(), puts.calls, puts.lost(),
		ms(l[before].p50), ms(l[before].p99), ms(l[onset].p50), ms(l[onset].p99),
		ms(l[later].p50), ms(l[later].p99), ms(l[after].p50), ms(l[after].p99),
		o.sent, o.firstOpening())
}

func printBlame(w io.Writer, o outcome) {
	var calls, lost, failed, asSuch int
	var p99 time.Duration
	for _, t := range o.tallies {
		if !t.other {
			calls += t.calls
			lost += t.lost()
		}
		if t.fails != 0 {
			failed += t.failed
			asSuch += t.asSuch
		}
		if t.other {
			p99 = max(p99, t.latency[later].p99)
		}
	}
	node, method := o.openings()
	fmt.Fprintf(w, blameLine, o.scene.name, o.guarded(), calls, lost, o.goodput, o.possible, 100*o.goodput/o.possible,
		100*o.leastUsed, node, method, failed, asSuch, orNone(p99), orNone(o.back))
}

// ms has one decimal where there is room.
func ms(d time.Duration) string {
	f := float64(d) / float64(time.Millisecond)
	if f < 100 {
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.0f", f)
}

func orNone(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return ms(d)
}
