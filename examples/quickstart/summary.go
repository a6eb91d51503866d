package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sony/gobreaker"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
)

// summary is what the callers saw in one phase.
type summary struct {
	calls  int
	errors map[string]int // by kind
	took   []time.Duration
}

// summarise sorts results by phase.
func summarise(results []result) (all [phases]summary) {
	for i := range all {
		all[i].errors = make(map[string]int)
	}
	for _, r := range results {
		s := &all[r.phase]
		s.calls++
		if r.err != nil {
			s.errors[kindOf(r.err)]++
		}
		s.took = append(s.took, r.took)
	}
	for i := range all {
		slices.Sort(all[i].took)
	}
	return all
}

// percentile returns the time within which the given share of the calls, from
// above 0 to 1, ended.
func (s *summary) percentile(share float64) time.Duration {
	if len(s.took) == 0 {
		return 0
	}
	return s.took[max(0, int(share*float64(len(s.took))+0.5)-1)]
}

// kindOf is an error in a word or two.
func kindOf(err error) string {
	kinds := []struct {
		kind  string
		holds bool
	}{
		{"wrong answer", errors.Is(err, errWrongAnswer)},
		{"every node is out", errors.As(err, new(*muxendpoint.AllOpenError))},
		{"timeout", errors.Is(err, context.DeadlineExceeded)},
		{"connections expelled", errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled)},
		{"connection lost", errors.Is(err, muxpool.ErrConnLost)},
		{"breaker open", errors.Is(err, gobreaker.ErrOpenState)},
	}
	for _, k := range kinds {
		if k.holds {
			return k.kind
		}
	}
	return "other"
}

// printSummary writes the table of what a caller saw.
func printSummary(w io.Writer, all [phases]summary, killed bool) {
	fmt.Fprintln(w, "\nWhat the callers saw:")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PHASE\tCALLS\tFAILED\tP50\tP99\tMAX\tERRORS")
	for p := range phases {
		s, name := &all[p], p.String()
		if !killed {
			name = "all"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\t%s\n", name, s.calls, s.failed(),
			milliseconds(s.percentile(0.5)), milliseconds(s.percentile(0.99)), milliseconds(s.percentile(1)), s.kinds())
		if !killed {
			break
		}
	}
	_ = t.Flush() // w's own errors are nobody's to handle here
}

func (s *summary) failed() (n int) {
	for _, k := range s.errors {
		n += k
	}
	return n
}

// kinds lists the kinds of errors, the frequent ones first.
func (s *summary) kinds() string {
	if len(s.errors) == 0 {
		return "none"
	}
	kinds := slices.SortedFunc(maps.Keys(s.errors), func(a, b string) int {
		return cmp.Or(s.errors[b]-s.errors[a], cmp.Compare(a, b))
	})
	for i, k := range kinds {
		kinds[i] = fmt.Sprintf("%s %d", k, s.errors[k])
	}
	return strings.Join(kinds, ", ")
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
