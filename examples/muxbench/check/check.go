// Package check checks that the program measures what it says.
package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// The program checks its own figures: contenders whose calls cost a known amount
// must be measured to cost it, and contenders that cheat must fail.

const (
	checkAllocs      = 3
	checkAllocSize   = 1 << 10
	checkServer      = 2 // allocations per answer
	checkCPU         = 50 * time.Microsecond
	checkLatency     = 5 * time.Millisecond
	checkLies        = 50 // each checkLies'th answer is wrong
	checkCallers     = 4
	checkServerBytes = 2 << 10
	checkOwn         = 300 // objects of the program itself, in a window: they show where few calls were made
)

// calibrated is rawTCP with something added to each call.
type calibrated struct {
	name   string
	before func()                                          // each call
	answer func(n int, resp []byte, c harness.Check) error // the n'th call's
}

func (c calibrated) Info() harness.Info {
	return harness.Info{Name: c.name, About: "checks the program itself"}
}

func (c calibrated) Serve(env harness.Env) (string, error) {
	return contenders.ServeConns(env, func(b []byte) int {
		whole := contenders.WholeFrames(b)
		for range whole / (contenders.FrameHeader + env.Size) {
			allocate(checkServer, checkServerBytes)
		}
		return whole
	})
}

func (c calibrated) Dial(env harness.Env) (harness.Client, error) {
	inner, err := contenders.RawTCP{}.Dial(env)
	if err != nil {
		return nil, err
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		call, err := inner.Caller(i)
		n := 0
		return func(ctx context.Context, req []byte, check harness.Check) error {
			n++
			c.before()
			return call(ctx, req, func(resp []byte) error { return c.answer(n, resp, check) })
		}, err
	}), nil
}

func honest(_ int, resp []byte, check harness.Check) error { return check(resp) }

func init() {
	harness.EnterHidden(
		calibrated{"check-cost", func() { allocate(checkAllocs-1, checkAllocSize); burn(checkCPU) }, honest},
		calibrated{"check-slow", func() { time.Sleep(checkLatency) }, honest},
		calibrated{"check-liar", func() {}, func(n int, resp []byte, check harness.Check) error {
			if n%checkLies == 0 {
				resp[7]++
			}
			return check(resp)
		}},
		calibrated{"check-mute", func() {}, func(int, []byte, harness.Check) error { return nil }},
		calibrated{"check-broken", func() {}, func(int, []byte, harness.Check) error { return errors.New("broken on purpose") }})
}

// escaped keeps the compiler from placing what allocate makes on the stack.
var escaped = make(chan []byte, 1)

// allocate makes n objects of size bytes.
func allocate(n, size int) {
	for range n {
		select {
		case escaped <- make([]byte, size):
		default:
			<-escaped
		}
	}
}

// burn uses d of CPU time, as the kernel counts it for the thread.
func burn(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for start := threadCPU(); threadCPU()-start < d; {
	}
}

func threadCPU() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic("a thread's clock cannot fail for itself: " + err.Error())
	}
	return time.Duration(ts.Nano())
}

// finding is one comparison of a figure with what it must be.
type finding struct {
	what      string
	got       float64
	low, high float64
}

func (f finding) ok() bool { return f.got >= f.low && f.got <= f.high }

// Run measures the contenders above, writes what it found, and returns an
// error if the program cannot be trusted.
func Run(b *harness.Bench, w io.Writer) error {
	var errs []error
	for _, f := range findings(b) {
		verdict := "ok"
		if !f.ok() {
			verdict = "WRONG"
			errs = append(errs, fmt.Errorf("%s: %v is not within %v and %v", f.what, f.got, f.low, f.high))
		}
		fmt.Fprintf(w, "%-5s  %-48s %8.3g, must be %.3g to %.3g\n", verdict, f.what, f.got, f.low, f.high)
	}
	for _, cheat := range []string{"check-liar", "check-mute", "check-broken"} {
		r := b.Measure(harness.On(cheat, 128, checkCallers))
		verdict := "ok"
		if r.Err == "" {
			verdict = "WRONG"
			errs = append(errs, fmt.Errorf("%s was measured without an error", cheat))
		}
		fmt.Fprintf(w, "%-5s  %s fails: %.60s\n", verdict, cheat, r.Err)
	}
	return errors.Join(errs...)
}

func findings(b *harness.Bench) []finding {
	cost := b.Measure(harness.On("check-cost", 128, checkCallers))
	slow := b.Measure(harness.On("check-slow", 128, checkCallers))
	if cost.Err != "" || slow.Err != "" {
		return []finding{{what: "measurement: " + cost.Err + slow.Err, got: 1}}
	}
	seconds := b.Duration.Seconds()
	own := harness.PerCall(checkOwn, cost)
	return []finding{
		{"client: objects per call", harness.Allocs(cost), checkAllocs - 0.2, checkAllocs + 0.5 + own},
		{"client: bytes per call", harness.AllocBytes(cost), 2 * checkAllocSize, 2*checkAllocSize + 512},
		{"server: objects per call", harness.ServerAllocs(cost), checkServer - 0.2, checkServer + 0.5 + own},
		{"client: writes per call", harness.PerCall(float64(cost.Client.Writes), cost), 0.9, 1.5},
		{"server: writes per call", harness.PerCall(float64(cost.Server.Writes), cost), 0.9, 1.5},
		{"client: CPU microseconds per call", harness.PerCall(float64(cost.Client.CPU.Microseconds()), cost), float64(checkCPU.Microseconds()) * 0.9, float64(checkCPU.Microseconds()) * 6},
		{"CPU seconds of both, per second and core", (cost.Client.CPU + cost.Server.CPU).Seconds() / seconds / float64(runtime.NumCPU()), 0.01, 2},
		{"p50, ms, of a call that waits", harness.P50Millis(slow), p50Low, 1e4},
		{"calls of callers that wait", float64(slow.Calls), 1, checkCallers * (seconds/checkLatency.Seconds() + 1)},
	}
}

// p50Low is checkLatency in milliseconds, less the width of a bucket.
const p50Low = float64(checkLatency) / float64(time.Millisecond) * 15 / 16
