package harness

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// Parts tells where the CPU time of both processes went, by the name of the part.
type Parts map[string]time.Duration

// Share is a part's share of all; NaN without any.
func (p Parts) Share(part string) float64 {
	var all time.Duration
	for _, d := range p {
		all += d
	}
	return float64(p[part]) / float64(all)
}

// add adds the samples of a CPU profile.
func (p Parts) add(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	prof, err := profile.Parse(f)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, s := range prof.Sample {
		var stack []string
		for _, l := range s.Location {
			for _, line := range l.Line {
				stack = append(stack, line.Function.Name)
			}
		}
		p[partOf(stack)] += time.Duration(s.Value[len(s.Value)-1])
	}
	return nil
}

// partOf names what a stack, from its leaf on, is at work on.
func partOf(stack []string) string {
	has := func(names ...string) bool {
		for _, f := range stack {
			for _, n := range names {
				if strings.HasPrefix(f, n) {
					return true
				}
			}
		}
		return false
	}
	if len(stack) == 0 {
		return "unknown"
	}
	leaf := stack[0]
	switch {
	case strings.HasPrefix(leaf, "internal/runtime/syscall"), strings.HasPrefix(leaf, "syscall."),
		has("runtime.futex", "runtime.epollwait", "runtime.usleep", "runtime.write1", "runtime.madvise"):
		return kernelPart(has)
	case has("runtime.gcBgMarkWorker", "runtime.gcAssist", "runtime.bgsweep", "runtime.bgscavenge", "runtime.gcStart", "runtime.gcMarkDone", "runtime.gcDrain", "runtime.gcWriteBarrier", "runtime.wbBufFlush"):
		return "the garbage collector"
	case has("runtime.mallocgc", "runtime.newobject", "runtime.makeslice", "runtime.growslice"):
		return "allocation"
	case strings.HasPrefix(leaf, "runtime.memmove"):
		return "copying"
	case has("time.now", "runtime.nanotime", "time.Now", "time.Since", "time.runtimeNano", "runtime.walltime"):
		return "clocks"
	case has("crypto/", "internal/runtime/gc/cipher"):
		return "the cipher"
	case has("runtime.schedule", "runtime.findRunnable", "runtime.mcall", "runtime.mstart", "runtime.goready", "runtime.ready", "runtime.gopark", "runtime.newproc", "runtime.goexit0"):
		return "Go's scheduler"
	case has("runtime.newstack", "runtime.copystack", "runtime.morestack"):
		return "growing stacks"
	}
	for _, f := range stack {
		if part := packagePart(f); part != "" {
			return part
		}
	}
	return "Go's runtime"
}

// kernelPart splits the kernel's share by what it was asked for.
func kernelPart(has func(...string) bool) string {
	switch {
	case has("runtime.futex"):
		return "the kernel: threads woken"
	case has("runtime.netpoll", "runtime.epollwait"):
		return "the kernel: polls"
	case has("internal/poll.", "net.(", "syscall.write", "syscall.read"):
		return "the kernel: reads and writes"
	}
	return "the kernel: other"
}

// packagePart names the package that a function outside of the runtime belongs to; empty
// for the runtime's.
func packagePart(function string) string {
	slash := strings.LastIndexByte(function, '/')
	dot := strings.IndexByte(function[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	pkg := function[:slash+1+dot]
	const module = "github.com/muxkit/muxkit/"
	switch {
	case pkg == "runtime", strings.HasPrefix(pkg, "internal/runtime"), pkg == "internal/abi", pkg == "internal/bytealg":
		return ""
	case strings.HasPrefix(pkg, module+"examples/"):
		return "this benchmark"
	case strings.HasPrefix(pkg, module):
		return pkg[len(module):]
	case strings.HasPrefix(pkg, "sync"), strings.HasPrefix(pkg, "internal/sync"):
		return "locks and sync.Pool"
	}
	return pkg
}
