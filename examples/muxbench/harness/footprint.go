package harness

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Footprint is what a process holds, garbage collected.
type Footprint struct {
	Heap       int64 // bytes of live objects
	Stacks     int64 // bytes of goroutines' stacks
	RSS        int64 // bytes resident; 0 where the kernel does not tell
	Goroutines int
	Sockets    int
	CPU        time.Duration // used in a second of doing nothing
}

// footprintNow collects garbage, twice, so that what pools keep is gone too, and
// looks on for a while.
func footprintNow(idle time.Duration) Footprint {
	cpu := cpuOver(idle)
	runtime.GC()
	debug.FreeOSMemory() // collects once more, and gives free memory back
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return Footprint{
		Heap:       int64(mem.HeapAlloc),
		Stacks:     int64(mem.StackInuse),
		RSS:        residentBytes(),
		Goroutines: runtime.NumGoroutine(),
		Sockets:    openSockets(),
		CPU:        cpu,
	}
}

// since returns what has been added since then.
func (f Footprint) since(then Footprint) Footprint {
	return Footprint{
		Heap: f.Heap - then.Heap, Stacks: f.Stacks - then.Stacks, RSS: f.RSS - then.RSS,
		Goroutines: f.Goroutines - then.Goroutines, Sockets: f.Sockets - then.Sockets, CPU: f.CPU - then.CPU,
	}
}

// cpuOver sleeps for d and returns the CPU time that a second of it took.
func cpuOver(d time.Duration) time.Duration {
	before := usageNow()
	time.Sleep(d)
	used := usageNow().Since(before)
	return time.Duration(float64(used.CPU) / d.Seconds())
}

func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// openSockets counts the process's; 0 where there is no /proc.
func openSockets() int {
	const dir = "/proc/self/fd"
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	n := 0
	for _, f := range files {
		if target, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}
