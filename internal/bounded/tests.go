package bounded

import (
	"flag"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// limit is how long a test may take on a machine that has time for it; the race
// detector makes it four times as long.
const limit = 30 * time.Second * slower

// looks is how often the tests are looked at while one is in its time.
const looks = 6

// long counts the tests that run and may take as long as they want.
var long atomic.Int32

// Long lets a test take as long as the binary's -timeout allows, and its waits: for one
// that has been told to do more than it does every day. Others that run beside it may
// as well.
func Long(t testing.TB) {
	long.Add(1)
	t.Cleanup(func() { long.Add(-1) })
}

// Tests returns m, as the Main of a package runs it, but for this: a test that is
// still at work, or stuck, after half a minute ends the binary by a panic that names
// it and shows all stacks. That catches what no bound of a wait does: a loop without
// an end, be it in a bubble of testing/synctest, whose clock then stands still; a mutex
// that stays locked; code that waits for itself.
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }
//
// While threads wait for a processor, only what the process has run counts: on a busy
// machine half a minute is longer. With -timeout 0, as under a debugger, while it
// fuzzes, and during a test that is Long there is no limit.
func Tests(m interface{ Run() int }) interface{ Run() int } { return watched{m, limit} }

type watched struct {
	m     interface{ Run() int }
	limit time.Duration
}

func (w watched) Run() int {
	if !flag.Parsed() {
		flag.Parse()
	}
	if given("test.timeout") == "0s" || given("test.fuzz") != "" {
		return w.m.Run()
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		watch(end, w.limit)
	}()
	defer func() {
		close(end)
		<-ended
	}()
	return w.m.Run()
}

func given(name string) string {
	if f := flag.Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// watch looks at the tests until end is closed.
func watch(end <-chan struct{}, limit time.Duration) {
	w := watcher{limit: limit}
	tick := time.NewTicker(limit / looks)
	defer tick.Stop()
	for before := worked(); ; {
		select {
		case <-end:
			return
		case <-tick.C:
		}
		now := worked()
		all := stacks()
		over := w.look(all, now.since(before, limit/looks))
		before = now
		if long.Load() > 0 {
			clear(w.spent)
		} else if over != "" {
			panic(fmt.Sprintf("%s makes no end: it has run for more than %v\n\n%s", over, limit, all))
		}
	}
}

// A watcher keeps account of the time that tests take.
type watcher struct {
	limit time.Duration
	spent map[string]time.Duration // by what is the same for a test's whole life
}

// look adds what has passed since the last look to the tests that ran then and still
// do, and returns the name of one that is over the limit.
func (w *watcher) look(stacks string, passed time.Duration) (over string) {
	spent := make(map[string]time.Duration)
	for id, name := range running(stacks) {
		if before, ok := w.spent[id]; ok {
			spent[id] = before + passed
		} else {
			spent[id] = 0
		}
		if spent[id] >= w.limit {
			over = name
		}
	}
	w.spent = spent
	return over
}

var (
	goroutine = regexp.MustCompile(`^goroutine \d+`)
	function  = regexp.MustCompile(`(?m)^\S*?\.((?:Test|Fuzz|Example)\w*)[.(]`)
)

// running finds the goroutines that run a test and do not wait for one within it: the
// names of the tests.
func running(stacks string) map[string]string {
	tests, outer := make(map[string]string), "a test"
	for _, s := range strings.Split(stacks, "\n\n") {
		if !strings.Contains(s, "\ntesting.tRunner(") && !strings.Contains(s, "\ntesting.runExample(") {
			continue
		}
		name := ""
		if all := function.FindAllStringSubmatch(s, -1); all != nil {
			name = all[len(all)-1][1]
		}
		if !strings.Contains(s, "\ntesting.(*T).Run(") && !strings.Contains(s, "\ntesting/synctest.Test(") {
			tests[goroutine.FindString(s)+" "+name] = name
		} else if name != "" {
			outer = name
		}
	}
	for id, name := range tests {
		if name == "" { // a function without one, in a table
			tests[id] = outer
		}
	}
	return tests
}

func stacks() string {
	for size := 1 << 20; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size {
			return string(b[:n])
		}
	}
}
