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
	at          time.Time
	ran, waited time.Duration // by the threads of this process and of its children: on a processor, and for one
	idle, busy  int64         // by all processors, in some unit
}

// worked reads it. The first line of /proc/stat has user, nice, system, idle and iowait: see
// proc(5).
func worked() work {
	w := work{at: time.Now()}
	w.add("self")
	for _, child := range children() {
		w.add(child)
	}
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		var user, nice, system, idle, wait int64
		fmt.Sscan(strings.TrimPrefix(string(text), "cpu"), &user, &nice, &system, &idle, &wait)
		w.busy, w.idle = user+nice+system, idle+wait
	}
	return w
}

// children returns the ids of the process's children.
func children() (ids []string) {
	lists, _ := filepath.Glob("/proc/self/task/*/children") // by which thread started them
	for _, name := range lists {
		list, _ := os.ReadFile(name) // else the thread has ended
		ids = append(ids, strings.Fields(string(list))...)
	}
	return ids
}

// add adds the threads of a process. Their schedstat begins with the nanoseconds that they ran,
// and that they were ready to.
func (w *work) add(process string) {
	threads, _ := filepath.Glob("/proc/" + process + "/task/*/schedstat")
	for _, name := range threads {
		var ran, waited time.Duration
		if text, err := os.ReadFile(name); err == nil { // else the thread has ended
			fmt.Sscan(string(text), &ran, &waited)
		}
		w.ran += ran
		w.waited += waited
	}
}

// since is how much time a test has had since before, a tick at most: the whole machine may
// have stood still. That is what its processes ran, or, if that is more, what has passed but for
// the time in which they waited for their turn. While no processor had time to spare it is half of
// what has passed at most: one that they wait for, and that is not theirs, may not have had its
// turn.
func (w work) since(before work, tick time.Duration) time.Duration {
	passed := min(w.at.Sub(before.at), tick)
	had := passed - max(w.waited-before.waited, 0)
	if idle, busy := w.idle-before.idle, w.busy-before.busy; busy > 9*idle {
		had = min(had, passed/2)
	}
	return max(had, min(w.ran-before.ran, passed), 0)
}
