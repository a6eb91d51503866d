package attacktest

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// tick is the unit of times in /proc.
const tick = 10 * time.Millisecond

// usage is what had the processors, up to some moment.
type usage struct {
	at   time.Time
	all  time.Duration // of everybody, and what the hypervisor gave to other machines
	ours time.Duration // of the processes that are watched
	wait time.Duration // for a processor, of all threads of those whose delay matters
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

// watch looks at the machine until the test ends. It counts the test's own process and the
// server's as ours, and what these two wait for.
func watch(t *testing.T, server int) *machine {
	m := &machine{pids: []int{os.Getpid(), server}}
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
	t.Cleanup(func() { close(end); bounded.Receive(t, ended) })
	return m
}

func (m *machine) look() {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := usage{at: time.Now(), all: busy()}
	for i, pid := range m.pids {
		if u.ours += cpuTime(strconv.Itoa(pid)); i < 2 {
			u.wait += waited(pid)
		}
	}
	m.seen = append(m.seen, u)
}

// took reports whether others had half of the processors, or more, between two moments, or
// somewhat longer, and the server or the client wanted them: for half of that time one of
// their threads waited. Who sleeps wants none.
func (m *machine) took(from, to time.Time) bool {
	others, waited := m.between(from, to)
	return others >= 0.5 && waited >= 0.5
}

// between is the share of the processors that others had between two moments, 1 is all of
// them, and for which share of that time a thread of the server's or the client's waited for
// one; of several threads it is the sum.
func (m *machine) between(from, to time.Time) (others, waited float64) {
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
		return 0, 0
	}
	a, b := m.seen[first], m.seen[last]
	theirs, during := (b.all-a.all)-(b.ours-a.ours), float64(b.at.Sub(a.at))
	return float64(theirs) / during / float64(runtime.NumCPU()), float64(b.wait-a.wait) / during
}

// waited is how long the threads of a process were ready to run and did not.
func waited(pid int) (sum time.Duration) {
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
	for _, thread := range threads {
		stat, _ := os.ReadFile(thread)
		var ran, wait int64
		_, _ = fmt.Sscan(string(stat), &ran, &wait)
		sum += time.Duration(wait)
	}
	return sum
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
		m.seen = append(m.seen, usage{start.Add(at), at * all, ours * all * time.Second / 10, max(at-2*time.Second, 0)})
	}
	second := func(n float64) time.Time { return start.Add(time.Duration(n * float64(time.Second))) }
	for _, c := range []struct {
		from, to, others, waited float64
		took                     bool
	}{
		{0.1, 0.5, 0.1, 0, false},   // ours: nine tenths
		{1.1, 1.9, 0.9, 0, false},   // a tenth, and nobody wanted more
		{2.5, 2.6, 1, 1, true},      // nothing, and somebody did
		{3.1, 3.9, 0, 1, false},     // all, and somebody wanted more still: it is our own who had it
		{1.5, 2.5, 0.95, 0.5, true}, // of two seconds
		{0, 4, 0.5, 0.5, true},
	} {
		from, to := second(c.from), second(c.to)
		others, waited := m.between(from, to)
		if math.Abs(others-c.others) > 0.01 || math.Abs(waited-c.waited) > 0.01 || m.took(from, to) != c.took {
			t.Errorf("from %v to %v others had %v, ours waited for %v, taken: %v; want %+v", c.from, c.to, others, waited, m.took(from, to), c)
		}
	}
	if new(machine).took(start, start) {
		t.Error("taken by others, unseen")
	}
}
