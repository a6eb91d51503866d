package breaker

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// What each set of sources that have put a node out means, and which of them is told.
func TestLatches(t *testing.T) {
	begin := time.Now()
	on := func(after time.Duration) latch { return latch{on: true, until: begin.Add(after)} }
	lost := latch{on: true, until: begin, lost: true}
	for _, row := range []struct {
		name   string
		ls     latches
		worst  source // sources: none
		only   []source
		ofPool bool
	}{
		{"none", latches{}, sources, nil, false},
		{"the pool", latches{byPool: on(1)}, byPool, []source{byPool}, true},
		{"calls", latches{byCalls: on(1)}, byCalls, []source{byCalls}, false},
		{"lost calls", latches{byCalls: lost}, byCalls, []source{byCalls}, false},
		{"a hand", latches{byHand: on(1)}, byHand, []source{byHand}, false},
		{"calls for longer than the pool", latches{byPool: on(1), byCalls: on(2)}, byCalls, nil, false},
		{"the pool for longer than calls", latches{byPool: on(2), byCalls: on(1)}, byPool, nil, false},
		{"both for as long", latches{byPool: on(1), byCalls: on(1)}, byPool, nil, false},
		{"the pool, and calls that it lost", latches{byPool: on(1), byCalls: lost}, byPool, nil, true},
		{"the pool and a hand", latches{byPool: on(1), byHand: on(2)}, byHand, nil, false},
		{"all", latches{on(1), lost, on(1)}, byPool, nil, false},
		{"what is off does not hold", latches{byPool: {until: begin.Add(time.Hour)}, byCalls: on(1)}, byCalls, []source{byCalls}, false},
	} {
		worst := sources
		for s := range sources {
			if row.ls.worst() == &row.ls[s] {
				worst = s
			}
			if got := row.ls.only(s); got != slices.Contains(row.only, s) {
				t.Errorf("%s: only source %d: %v", row.name, s, got)
			}
		}
		if worst != row.worst || (row.ls.worst() == nil) != (row.worst == sources) || row.ls.ofPool() != row.ofPool {
			t.Errorf("%s: the worst is source %d, of the pool: %v; want %d, %v", row.name, worst, row.ls.ofPool(), row.worst, row.ofPool)
		}
	}
}

// A probe that failed holds all that have put the node out, and none for a shorter time.
func TestLatchesAreExtended(t *testing.T) {
	begin, cause := time.Now(), errors.New("probe")
	short, long := latch{on: true, until: begin.Add(1)}, latch{on: true, until: begin.Add(9)}
	ls := latches{byPool: short, byHand: long}
	ls.extend(begin.Add(5), cause)
	want := latches{
		byPool: {on: true, until: begin.Add(5), reason: ReasonProbeFailed, cause: cause},
		byHand: {on: true, until: begin.Add(9), reason: ReasonProbeFailed, cause: cause},
	}
	if ls != want {
		t.Errorf("%+v, want %+v", ls, want)
	}
}

// How long an ejection lasts, by how many came before and for how long it was calm since.
func TestPace(t *testing.T) {
	set := &settings{firstTime: time.Second, timeLimit: 6 * time.Second, decay: 10 * time.Second}
	begin := time.Now()
	for _, row := range []struct {
		name       string
		level      int
		calm       time.Duration // before now; 0: it was not
		closed     bool
		next, same time.Duration // same: of one that joins the next
		levelAfter int
		calmAfter  bool
	}{
		{"the first", 0, 0, true, time.Second, time.Second, 1, false},
		{"the second at once", 1, 1, true, 2 * time.Second, 2 * time.Second, 2, false},
		{"the third", 2, 1, true, 4 * time.Second, 4 * time.Second, 3, false},
		{"at the limit", 3, 1, true, 6 * time.Second, 4 * time.Second, 3, false},
		{"at the limit again", 3, 1, true, 6 * time.Second, 4 * time.Second, 3, false},
		{"nearly a decay", 2, 10*time.Second - 1, true, 4 * time.Second, 4 * time.Second, 3, false},
		{"a decay", 2, 10 * time.Second, true, 2 * time.Second, 2 * time.Second, 2, false},
		{"two of them", 2, 25 * time.Second, true, time.Second, time.Second, 1, false},
		{"more than there are doublings", 2, time.Hour, true, time.Second, time.Second, 1, false},
		{"it was out already", 2, time.Hour, false, 4 * time.Second, 4 * time.Second, 3, true},
	} {
		p := pace{level: row.level}
		if row.calm > 0 {
			p.calm = begin.Add(-row.calm)
		}
		next := p.next(set, begin, row.closed)
		if same := p.same(set); next != row.next || same != row.same || p.level != row.levelAfter || p.calm.IsZero() == row.calmAfter {
			t.Errorf("%s: %v, one that joins it %v, then level %d, calm since %v", row.name, next, same, p.level, p.calm)
		}
	}
	for range 100 {
		if d := withJitter(time.Second, 0.25); d < time.Second || d > 1250*time.Millisecond {
			t.Fatalf("1 s with a quarter of jitter is %v", d)
		}
	}
}
