// Package bounded lets tests wait with a bound: what never comes fails the test that
// waits for it, by its name, and the others still run; and measure what a busy machine adds
// nothing to. It is for tests only;
// .ci/floors sees to it that those of this repository use it.
package bounded

import (
	"testing"
	"time"
)

// The bound is 60 ticks of a second, of those that the machine had for the test: see Limit. In a
// bubble of testing/synctest, whose clock begins with the year 2000, a tick is an hour: nobody
// waits for that.
const ticks = 60

func tick() time.Duration {
	if inBubble() {
		return time.Hour
	}
	return time.Second
}

func inBubble() bool { return time.Now().Year() < 2020 }

// Receive returns what c gives, the zero value if it is closed. It ends the test if
// nothing comes.
func Receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	v, _ := receive(t, c)
	return v
}

// Open returns what c gives, and whether it was open. It ends the test if nothing comes.
func Open[T any](t testing.TB, c <-chan T) (T, bool) {
	t.Helper()
	return receive(t, c)
}

func receive[T any](t testing.TB, c <-chan T) (v T, ok bool) {
	t.Helper()
	for limit := new(Limit); ; {
		select {
		case v, ok = <-c:
			return v, ok
		case <-time.After(tick()):
		}
		if limit.Over() {
			t.Fatalf("nothing came in %v", ticks*tick())
		}
	}
}

// Wait calls wait, such as a WaitGroup's, and ends the test if it does not return.
func Wait(t testing.TB, wait func()) {
	t.Helper()
	returned := make(chan struct{})
	go func() {
		wait()
		close(returned)
	}()
	receive(t, returned)
}
