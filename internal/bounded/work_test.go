package bounded

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatCountsForALimit(t *testing.T) {
	const tick = 4 * time.Second
	for _, row := range []struct {
		what                      string
		passed, ran, waited, want time.Duration
		idle, busy                int64
	}{
		{"a loop on an idle machine", tick, tick, 0, tick, 1, 1},
		{"a wait in vain", tick, 0, 0, tick, 2, 0},
		{"a loop in all threads", tick, 2 * tick, 6 * tick, tick, 0, 2},
		{"a loop on a busy machine", tick, 3 * time.Second, time.Second, 3 * time.Second, 0, 2},
		{"a wait in vain on a busy machine", tick, 0, 0, 2 * time.Second, 0, 2},
		{"a process that gets nothing", tick, 0, tick, 0, 0, 2},
		{"a process of many threads that gets little", tick, time.Second / 10, 5 * tick, time.Second / 10, 0, 2},
		{"a process that may not have what is idle", tick, time.Second, 3 * time.Second, time.Second, 1, 1},
		{"a machine that stood still", time.Hour, 0, 0, tick, 2, 0},
		{"threads of which some ended", tick, -time.Second, -time.Second, 2 * time.Second, 1, 100},
		{"a system that tells nothing", tick, 0, 0, tick, 0, 0},
	} {
		before := work{time.Now(), time.Minute, time.Minute, 100, 100}
		now := work{before.at.Add(row.passed), before.ran + row.ran, before.waited + row.waited, before.idle + row.idle, before.busy + row.busy}
		if got := now.since(before, tick); got != row.want {
			t.Errorf("%s: %v, want %v", row.what, got, row.want)
		}
	}
	if w := worked(); time.Since(w.at) > time.Minute {
		t.Errorf("worked at %v", w.at)
	}
}

// What a child of the process does counts as well: a test may wait for it.
func TestChildrenWork(t *testing.T) {
	if _, err := os.Stat("/proc/thread-self/children"); err != nil {
		t.Skip("needs the list of children: ", err)
	}
	child := exec.Command("cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(children(), strconv.Itoa(child.Process.Pid)) {
		t.Errorf("a child is not among %v", children())
	}
	var w work
	for limit := new(Limit); w.ran == 0; w.add(strconv.Itoa(child.Process.Pid)) {
		if limit.Over() {
			t.Fatal("what it runs is not seen")
		}
	}
	in.Close()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

// A wait has its limit in what the machine had for it, and none while a test may be long.
func TestLimit(t *testing.T) {
	if new(Limit).Over() {
		t.Error("over at the first look")
	}
	synctest.Test(t, func(t *testing.T) {
		limit := new(Limit)
		for looks := 0; !limit.Over(); looks++ {
			if looks > 2*ticks {
				t.Fatal("it has no end")
			}
			time.Sleep(time.Hour / 2)
		}
		if at := time.Now(); !at.Equal(time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC)) {
			t.Errorf("over at %v", at)
		}
		Long(t)
		if limit = (&Limit{had: 1000 * time.Hour}); limit.Over() {
			t.Error("over, and it may be long")
		}
	})
}

// AtOnce has run both when it returns.
func TestAtOnce(t *testing.T) {
	for range 100 {
		first, second := false, false
		if AtOnce(t, func() { first = true }, func() { second = true }); !first || !second {
			t.Fatalf("the first has run: %v, the second: %v", first, second)
		}
	}
}
