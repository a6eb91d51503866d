package harness

import (
	"os"
	"path/filepath"
	"runtime/pprof"
	"testing"
	"time"
)

func TestPartOf(t *testing.T) {
	for want, stack := range map[string][]string{
		"the kernel: reads and writes": {"internal/runtime/syscall.Syscall6", "syscall.RawSyscall6", "syscall.write", "internal/poll.(*FD).Write", "net.(*conn).Write", "github.com/muxkit/muxkit/muxpool/wire.(*Writer).flush"},
		"the kernel: threads woken":    {"runtime.futex", "runtime.futexwakeup", "runtime.notewakeup", "runtime.startm", "runtime.schedule"},
		"the kernel: polls":            {"internal/runtime/syscall/linux.EpollWait", "runtime.netpoll", "runtime.findRunnable"},
		"the garbage collector":        {"runtime.scanobject", "runtime.gcDrain", "runtime.gcBgMarkWorker"},
		"allocation":                   {"runtime.memclrNoHeapPointers", "runtime.mallocgcLarge", "runtime.mallocgc", "github.com/muxkit/muxkit/transport.DecodeBytes"},
		"copying":                      {"runtime.memmove", "github.com/muxkit/muxkit/muxpool.(*conn).read"},
		"muxpool":                      {"runtime.mapaccess1", "github.com/muxkit/muxkit/muxpool.(*conn).read"},
		"muxpool/wire":                 {"github.com/muxkit/muxkit/muxpool/wire.(*Writer).flush"},
		"this benchmark":               {"github.com/muxkit/muxkit/examples/muxbench/harness.(*caller).once"},
		"Go's scheduler":               {"runtime.lock2", "runtime.findRunnable", "runtime.schedule", "runtime.mcall"},
		"google.golang.org/grpc":       {"google.golang.org/grpc.(*ClientConn).Invoke"},
		"the cipher":                   {"crypto/internal/fips140/aes/gcm.gcmAesEnc", "crypto/tls.(*halfConn).encrypt"},
		"locks and sync.Pool":          {"sync.(*Pool).Get", "github.com/muxkit/muxkit/muxpool/wire.Alloc"},
		"Go's runtime":                 {"runtime.goexit"},
		"unknown":                      nil,
	} {
		if got := partOf(stack); got != want {
			t.Errorf("%v is %q, want %q", stack, got, want)
		}
	}
}

// A profile that this process wrote can be read, and says that it was at work here.
func TestPartsOfAProfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu.pprof")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		t.Skip(err) // under go test -cpuprofile
	}
	sum := uint64(0)
	for used := usageNow(); usageNow().Since(used).CPU < 200*time.Millisecond; { // of CPU time, however busy the machine
		for i := range uint64(1 << 20) {
			sum ^= i * sum
		}
	}
	pprof.StopCPUProfile()
	f.Close()
	parts := Parts{}
	if err := parts.add(file); err != nil {
		t.Fatal(err)
	}
	if parts["this benchmark"] == 0 {
		t.Errorf("%v names no work of this benchmark (%d)", parts, sum)
	}
}
