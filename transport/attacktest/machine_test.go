package attacktest

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tick is the unit of times in /proc.
const tick = 10 * time.Millisecond

// usage is what had the processors, up to some moment.
type usage struct {
	at   time.Time
	all  time.Duration // of everybody, and what the hypervisor gave to other machines
	ours time.Duration // of the processes that are watched
}

// machine watches who has the processors: a call that took too long because programs that
// are no part of the test had them says nothing of the server. What the server wastes, and
// what the attackers take from it, is the test's own.
type machine struct {
	mu   sync.Mutex // guards the fields below
	pids []int
	seen []usage // in order, ten a second
}

// add makes a process one of ours.
func (m *machine) add(pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pids = append(m.pids, pid)
}

// watch looks at the machine until the test ends. The test's own process is one of those
// that count as ours.
func watch(t *testing.T, pids ...int) *machine {
	m := &machine{pids: append(pids, os.Getpid())}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for look := time.NewTicker(100 * time.Millisecond); ; {
			m.look()
			select {
			case <-look.C:
			case <-end:
				look.Stop()
				return
			}
		}
	}()
	t.Cleanup(func() { close(end); <-ended })
	return m
}

func (m *machine) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := usage{at: time.Now(), all: busy()}
	for _, pid := range m.pids {
		u.ours += cpuTime(strconv.Itoa(pid))
	}
	m.seen = append(m.seen, u)
}

// others is the share of the processors that others had between two moments, or somewhat
// longer: 1 is all of them.
func (m *machine) others(from, to time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	first, last := 0, len(m.seen)-1
	for i, u := range m.seen {
		if u.at.Before(from) {
			first = i
		}
		if u.at.After(to) {
			last = i
			break
		}
	}
	if last <= first {
		return 0
	}
	a, b := m.seen[first], m.seen[last]
	theirs := (b.all - a.all) - (b.ours - a.ours)
	return float64(theirs) / float64(b.at.Sub(a.at)) / float64(runtime.NumCPU())
}

// busy is what all processors have done, but for interrupts: those of the loopback are
// the attackers'.
func busy() (sum time.Duration) {
	stat, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(stat), "\n")
	var user, nice, system, idle, iowait, irq, softirq, steal int64
	_, _ = fmt.Sscanf(line, "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal)
	return time.Duration(user+nice+system+steal) * tick
}

// cpuTime is what a process has used of the processors, up to now.
func cpuTime(pid string) time.Duration {
	stat, _ := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

// TestWhoHadTheProcessors: what this test and its processes use is theirs, also where they
// leave nothing to each other.
func TestWhoHadTheProcessors(t *testing.T) {
	start := time.Now()
	all := time.Duration(runtime.NumCPU())
	var m machine
	for i, ours := range []time.Duration{0, 9, 10, 10, 20} { // tenths of a second, of each processor; all are busy always
		at := time.Duration(i) * time.Second
		m.seen = append(m.seen, usage{start.Add(at), at * all, ours * all * time.Second / 10})
	}
	second := func(n float64) time.Time { return start.Add(time.Duration(n * float64(time.Second))) }
	for _, c := range []struct{ from, to, share float64 }{
		{0.1, 0.5, 0.1},  // ours: nine tenths
		{1.1, 1.9, 0.9},  // a tenth
		{2.5, 2.6, 1},    // nothing
		{3.1, 3.9, 0},    // all
		{1.5, 2.5, 0.95}, // of two seconds
		{0, 4, 0.5},
	} {
		if got := m.others(second(c.from), second(c.to)); got < c.share-0.01 || got > c.share+0.01 {
			t.Errorf("from %v to %v others had %v, want %v", c.from, c.to, got, c.share)
		}
	}
	if got := new(machine).others(start, start); got != 0 {
		t.Errorf("unseen: %v", got)
	}
}
