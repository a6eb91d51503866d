package bounded

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// work is what the threads of this process have done so far, where Linux tells it.
type work struct {
	at          time.Time
	ran, waited time.Duration // in sum; waited for a processor
}

// worked reads it. A file has the two in nanoseconds: see sched-stats in the kernel's
// documentation.
func worked() work {
	w := work{at: time.Now()}
	files, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, name := range files {
		var ran, waited time.Duration
		if text, err := os.ReadFile(name); err == nil { // else the thread has ended
			fmt.Sscan(string(text), &ran, &waited)
		}
		w.ran, w.waited = w.ran+ran, w.waited+waited
	}
	return w
}

// since is how much time the process has had since before: all that has passed, or what
// it ran, if its threads waited for processors longer than that. It is a tick at most:
// the whole machine may have stood still.
func (w work) since(before work, tick time.Duration) time.Duration {
	passed := min(w.at.Sub(before.at), tick)
	if ran := max(w.ran-before.ran, 0); w.waited-before.waited > max(ran, passed/2) {
		return min(passed, ran)
	}
	return passed
}
