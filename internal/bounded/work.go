package bounded

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// work is what has been done so far, where Linux tells it.
type work struct {
	at         time.Time
	ran        time.Duration // by the threads of this process
	idle, busy int64         // by all processors, in some unit
}

// worked reads it. A thread's schedstat begins with its nanoseconds, and the first line
// of /proc/stat has user, nice, system, idle and iowait: see proc(5).
func worked() work {
	w := work{at: time.Now()}
	files, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, name := range files {
		var ran time.Duration
		if text, err := os.ReadFile(name); err == nil { // else the thread has ended
			fmt.Sscan(string(text), &ran)
		}
		w.ran += ran
	}
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		var user, nice, system, idle, wait int64
		fmt.Sscan(strings.TrimPrefix(string(text), "cpu"), &user, &nice, &system, &idle, &wait)
		w.busy, w.idle = user+nice+system, idle+wait
	}
	return w
}

// since is how much time a test has had since before, a tick at most: the whole machine may
// have stood still. While no processor had time to spare, half of it counts, or what
// the process ran: it, or one that it waits for, may not have had its turn.
func (w work) since(before work, tick time.Duration) time.Duration {
	passed := min(w.at.Sub(before.at), tick)
	if idle, busy := w.idle-before.idle, w.busy-before.busy; busy > 9*idle {
		return max(passed/2, min(w.ran-before.ran, passed))
	}
	return passed
}
