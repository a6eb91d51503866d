package bounded

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const endless = "MUXKIT_ENDLESS" // says which test of TestEndless is to make no end

func TestMain(m *testing.M) {
	if os.Getenv(endless) != "" {
		os.Exit(watched{m, time.Second}.Run())
	}
	os.Exit(Tests(m).Run())
}

// A test that makes no end ends its binary, by its name, whatever it does meanwhile.
func TestWhatMakesNoEnd(t *testing.T) {
	if test, ok := tests[os.Getenv(endless)]; ok {
		test(t)
		return
	}
	Long(t) // on a busy machine
	for name := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run", "^TestWhatMakesNoEnd$", "-test.timeout", "15m")
			cmd.Env = append(os.Environ(), endless+"="+name)
			out, err := cmd.CombinedOutput()
			over := strings.Contains(string(out), "panic: TestWhatMakesNoEnd makes no end")
			if fine := strings.HasPrefix(name, "fine"); fine != (err == nil) || fine == over {
				t.Errorf("ended with %v, said\n%.2000s", err, out)
			}
		})
	}
}

var tests = map[string]func(t *testing.T){
	"spins in a bubble": func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for n := 0; n >= 0; n++ {
				n = 0
			}
		})
	},
	"is locked out": func(t *testing.T) {
		var mu sync.Mutex
		mu.Lock()
		mu.Lock()
	},
	"has a clock that never stands": func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for { // not so fast that the clock comes to its end
				time.Sleep(time.Millisecond)
			}
		})
	},
	"waits after others": func(t *testing.T) {
		t.Run("one", func(t *testing.T) {})
		t.Run("two", func(t *testing.T) { forever() })
	},
	"fine: may be long": func(t *testing.T) {
		Long(t)
		time.Sleep(3 * time.Second)
	},
	"fine: has many parts": func(t *testing.T) {
		for range 30 {
			t.Run("", func(t *testing.T) { time.Sleep(100 * time.Millisecond) })
		}
	},
}

func forever() { select {} }

// Tests that count allocations see none of the watcher's.
func TestLooksAllocateNothing(t *testing.T) {
	w := newWatcher(time.Minute, make([]byte, 1<<20))
	if n := testing.AllocsPerRun(100, func() {
		w.look()
		w.tests = w.tests[:0] // this test is new each time
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if w.look(); len(w.tests) == 0 {
		t.Error("no test is seen to run")
	}
}
