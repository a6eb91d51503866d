package harness

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Usage is what a process has used since it started.
type Usage struct {
	CPU     time.Duration // user and system
	Mallocs uint64        `json:",omitzero"` // heap objects allocated
	Bytes   uint64        `json:",omitzero"` // bytes allocated on the heap
	Writes  uint64        `json:",omitzero"` // write and writev system calls; sendmsg is not counted
	GCs     uint32        `json:",omitzero"`
}

// usageNow asks the runtime and the kernel. It stops the world for a moment.
func usageNow() Usage {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic("getrusage cannot fail for oneself: " + err.Error())
	}
	return Usage{
		CPU:     time.Duration(ru.Utime.Nano() + ru.Stime.Nano()),
		Mallocs: mem.Mallocs,
		Bytes:   mem.TotalAlloc,
		Writes:  writeCalls(),
		GCs:     mem.NumGC,
	}
}

// Since returns what was used between then and u.
func (u Usage) Since(then Usage) Usage {
	return Usage{u.CPU - then.CPU, u.Mallocs - then.Mallocs, u.Bytes - then.Bytes, u.Writes - then.Writes, u.GCs - then.GCs}
}

// writeCalls reads the kernel's count of write system calls; 0 where there is
// none.
func writeCalls() uint64 {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if n, ok := bytes.CutPrefix(line, []byte("syscw: ")); ok {
			count, _ := strconv.ParseUint(string(bytes.TrimSpace(n)), 10, 64)
			return count
		}
	}
	return 0
}
