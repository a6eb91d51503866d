package main

import (
	"fmt"
	"io"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

const (
	heading = "%-10s  %-7s  %10s  %10s  %16s  %16s  %16s  %16s  %9s  %s\n"
	line    = "%-10s  %-7s  %5d %4d  %5d %4d  %7s %8s  %7s %8s  %7s %8s  %7s %8s  %9d  %s\n"
)

func printHeading(w io.Writer) {
	fmt.Fprintf(w, heading, "", "", "gets", "puts", "before, ms", "sick: 1st half", "2nd half", "after", "sent to", "")
	fmt.Fprintf(w, heading, "case", "breaker", "calls lost", "calls lost", "p50      p99", "p50      p99", "p50      p99", "p50      p99",
		"sick node", "breaker open after, why")
}

func printOutcome(w io.Writer, o outcome) {
	s := o.summary
	l := s.latency
	fmt.Fprintf(w, line, o.fault, o.guard(), s.gets.calls, s.gets.lost, s.puts.calls, s.puts.lost,
		ms(l[before].p50), ms(l[before].p99), ms(l[onset].p50), ms(l[onset].p99),
		ms(l[later].p50), ms(l[later].p99), ms(l[after].p50), ms(l[after].p99),
		o.sent, o.opening())
}

func (o outcome) guard() string {
	if o.guarded {
		return "with"
	}
	return "without"
}

// opening says how the breaker of the sick node opened.
func (o outcome) opening() string {
	switch {
	case !o.guarded:
		return ""
	case o.opened.To != breaker.Open:
		return "did not open"
	}
	return fmt.Sprintf("%d ms, %s", o.opened.Time.Sub(o.struck).Milliseconds(), o.opened.Reason)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }
