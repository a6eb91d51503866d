package bounded

import (
	"bytes"
	"flag"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// limit is how long a test may take, from the second look at it on and on a machine that
// has time for it; the race detector makes it four times as long.
const limit = 20 * time.Second * slower

// looks is how often the tests are looked at in that time.
const looks = 8

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
// still at work, or stuck, after 20 s ends the binary by a panic that names
// it and shows all stacks. That catches what no bound of a wait does: a loop without
// an end, be it in a bubble of testing/synctest, whose clock then stands still; a mutex
// that stays locked; code that waits for itself.
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }
//
// What counts is what the process and its children have run, or could have: the time in which they
// waited for a processor does not. While no processor has time to spare, half of the rest counts:
// they may wait for others. With -timeout 0, as under a debugger, while it
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
	w := newWatcher(limit, room[:])
	tick := time.NewTicker(limit / looks)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return
		case <-tick.C:
		}
		over := w.look()
		if long.Load() > 0 {
			clear(w.spent)
		} else if over != "" {
			panic(fmt.Sprintf("%s makes no end: it has run for more than %v\n\n%s", over, limit, w.stacks))
		}
	}
}

// A watcher keeps account of the time that tests take.
type watcher struct {
	limit         time.Duration
	stacks        []byte                   // as of the last look
	tests, before []uint64                 // the goroutines that run a test: in the last look, and before
	spent         map[string]time.Duration // by goroutine and test
	worked        work                     // when spent was last added to
}

// mostGoroutines are looked at: to have the stacks of all stops the world, for a second if they are a
// hundred thousand, and tests of so many tell what others do in that time.
const mostGoroutines = 2000

// room is where the stacks are written: what is beyond is not seen. It is no part of the
// heap, which tests measure.
var room [8 << 20]byte

func newWatcher(limit time.Duration, room []byte) *watcher {
	return &watcher{limit: limit, stacks: room, tests: make([]uint64, 0, 64), before: make([]uint64, 0, 64)}
}

// look returns the name of a test that is over the limit. While there are very many
// goroutines it does not look. As long as it meets none again that it has met before it
// allocates nothing: tests count what others allocate as well.
func (w *watcher) look() (over string) {
	if runtime.NumGoroutine() > mostGoroutines {
		return ""
	}
	w.stacks = w.stacks[:runtime.Stack(w.stacks[:cap(w.stacks)], true)]
	w.tests, w.before = appendTests(w.before[:0], w.stacks), w.tests
	for _, id := range w.tests {
		if slices.Contains(w.before, id) {
			now := worked()
			return w.account(testsIn(w.stacks), now.since(w.worked, w.limit/looks), now)
		}
	}
	clear(w.spent)
	return ""
}

// account adds what has passed to the tests that ran at the last look and still do.
func (w *watcher) account(tests map[string]string, passed time.Duration, now work) (over string) {
	spent := make(map[string]time.Duration)
	for id, name := range tests {
		if before, ok := w.spent[id]; ok {
			spent[id] = before + passed
		} else {
			spent[id] = 0
		}
		if spent[id] >= w.limit {
			over = name
		}
	}
	w.spent, w.worked = spent, now
	return over
}

// runsTest reports whether the stack is that of a goroutine that runs a test and does not
// wait for one within it.
func runsTest(stack []byte) bool {
	return (bytes.Contains(stack, []byte("\ntesting.tRunner(")) || bytes.Contains(stack, []byte("\ntesting.runExample("))) &&
		!bytes.Contains(stack, []byte("\ntesting.(*T).Run(")) && !bytes.Contains(stack, []byte("\ntesting/synctest.Test("))
}

// appendTests appends the numbers of the goroutines that run tests.
func appendTests(ids []uint64, stacks []byte) []uint64 {
	for more := true; more; {
		var stack []byte
		stack, stacks, more = bytes.Cut(stacks, []byte("\n\n"))
		if !runsTest(stack) {
			continue
		}
		id := uint64(0)
		for _, c := range bytes.TrimPrefix(stack, []byte("goroutine ")) {
			if c < '0' || c > '9' {
				break
			}
			id = 10*id + uint64(c-'0')
		}
		ids = append(ids, id)
	}
	return ids
}

var (
	goroutine = regexp.MustCompile(`^goroutine \d+`)
	function  = regexp.MustCompile(`(?m)^\S*?\.((?:Test|Fuzz|Example)\w*)[.(]`)
)

// testsIn names the tests that run, by goroutine and name.
func testsIn(stacks []byte) map[string]string {
	tests, outer := make(map[string]string), "a test"
	for more := true; more; {
		var stack []byte
		stack, stacks, more = bytes.Cut(stacks, []byte("\n\n"))
		runs := runsTest(stack)
		if !runs && !bytes.Contains(stack, []byte("\ntesting.tRunner(")) {
			continue
		}
		name := ""
		if all := function.FindAllSubmatch(stack, -1); all != nil {
			name = string(all[len(all)-1][1])
		}
		if runs {
			tests[string(goroutine.Find(stack))+" "+name] = name
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
