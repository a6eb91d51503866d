package main

import (
	"fmt"
	"io"
	"time"
)

const (
	heading = "%-10s  %-7s  %11s  %11s  %17s  %17s  %17s  %9s  %s\n"
	line    = "%-10s  %-7s  %6d %4d  %6d %4d  %8s %8s  %8s %8s  %8s %8s  %9d  %s\n"
)

func printHeading(w io.Writer) {
	fmt.Fprintf(w, heading, "", "", "gets", "puts", "before, ms", "while sick, ms", "after, ms", "sent to", "")
	fmt.Fprintf(w, heading, "case", "breaker", "calls lost", "calls lost", "p50      p99", "p50      p99", "p50      p99",
		"sick node", "breaker open after, why")
}

func printOutcome(w io.Writer, o outcome) {
	s := o.summary
	guard, out := "without", ""
	if o.guarded {
		guard, out = "with", fmt.Sprintf("%d ms, %s", o.outAfter.Milliseconds(), o.opened.Reason)
	}
	l := s.latency
	fmt.Fprintf(w, line, o.fault, guard, s.gets.calls, s.gets.lost, s.puts.calls, s.puts.lost,
		ms(l[before].p50), ms(l[before].p99), ms(l[during].p50), ms(l[during].p99), ms(l[after].p50), ms(l[after].p99),
		o.sent, out)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }
