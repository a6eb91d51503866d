package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// tally is what is known of many calls. Its size does not depend on how many. The zero
// value is ready, and safe for concurrent use.
type tally struct {
	mu     sync.Mutex // guards the rest; nothing is called under it
	good   histogram
	bad    histogram // how long failed calls took
	kinds  map[kind]*failures
	exit   int // of the first call that failed
	unmade int // were due, and never begun
}

// kind is what failed calls are counted by. There are a few hundred at most.
type kind struct {
	code  verdict.Code
	whose verdict.Whose
	ran   verdict.Ran
}

type failures struct {
	count int
	first string
}

// add counts a call.
func (t *tally) add(took time.Duration, err error) {
	if err == nil {
		t.mu.Lock()
		t.good.add(took)
		t.mu.Unlock()
		return
	}
	v, code, first := verdict.Of(err), exitCode(err), text.Said(err.Error(), maxText)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bad.add(took)
	if t.exit == exitOK {
		t.exit = code
	}
	if t.kinds == nil {
		t.kinds = make(map[kind]*failures)
	}
	k := kind{v.Code, v.Whose, v.Ran}
	if t.kinds[k] == nil {
		t.kinds[k] = &failures{first: first}
	}
	t.kinds[k].count++
}

// neverMade counts a call that was due, and that nobody was free to begin before it was
// given up, after waited.
func (t *tally) neverMade(waited time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unmade++
	t.bad.add(waited)
	if t.exit == exitOK {
		t.exit = exitTimeout
	}
}

// report writes the sums; note says what latencies count from.
func (t *tally) report(w io.Writer, elapsed time.Duration, note string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.good.count + t.bad.count - uint64(t.unmade)
	fmt.Fprintf(w, "%d calls in %v, %.1f/s: %d answered, %d failed\n", calls, elapsed.Round(time.Millisecond),
		float64(calls)/max(elapsed.Seconds(), 1e-9), t.good.count, calls-t.good.count)
	if t.unmade > 0 {
		fmt.Fprintf(w, "%d calls more were due and NEVER BEGUN: all callers were busy (see -c, -timeout); they count as failed, after the time that they waited\n", t.unmade)
	}
	writeQuantiles(w, "answered", &t.good)
	writeQuantiles(w, "failed", &t.bad)
	fmt.Fprintf(w, "  %s\n", note)
	most := make([]kind, 0, len(t.kinds))
	for k := range t.kinds {
		most = append(most, k)
	}
	slices.SortFunc(most, func(a, b kind) int {
		return cmp.Or(t.kinds[b].count-t.kinds[a].count, int(a.code)-int(b.code), int(a.whose)-int(b.whose), int(a.ran)-int(b.ran))
	})
	for _, k := range most {
		v := verdict.Verdict{Code: k.code, Whose: k.whose, Ran: k.ran}
		fmt.Fprintf(w, "%8d failed as %s; the first: %s\n", t.kinds[k].count, v, t.kinds[k].first)
	}
}

// writeQuantiles writes a line of a histogram that has counted anything.
func writeQuantiles(w io.Writer, name string, h *histogram) {
	if h.count == 0 {
		return
	}
	fmt.Fprintf(w, "  %-9s p50 %v  p90 %v  p99 %v  p99.9 %v  max %v\n", name, shown(h.quantile(0.5)), shown(h.quantile(0.9)),
		shown(h.quantile(0.99)), shown(h.quantile(0.999)), shown(h.longest))
}

// shown is d with as many figures as the histogram has.
func shown(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
