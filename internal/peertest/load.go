package peertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// Nonce is a text that nobody has had before.
func Nonce() string { return rand.Text() }

// Load are callers that call, each with one nonce after the other, until it ends. Whoever is answered is to get their own nonce.
type Load struct {
	t            testing.TB
	ok, failed   atomic.Int64
	firstFailure atomic.Pointer[error]
	stop         context.CancelFunc
	callers      sync.WaitGroup
}

// Begin begins a load. What call returns is the answer, or an error, which counts and is no fault of its own.
func Begin(t testing.TB, callers int, call func(caller int, nonce string) (string, error)) *Load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{t: t, stop: cancel}
	for i := range callers {
		l.callers.Go(func() {
			for ctx.Err() == nil {
				nonce := Nonce()
				switch got, err := call(i, nonce); {
				case err != nil:
					l.failed.Add(1)
					l.firstFailure.CompareAndSwap(nil, &err)
				case got != nonce:
					t.Errorf("%q is answered with %q", nonce, got)
				default:
					l.ok.Add(1)
				}
			}
		})
	}
	t.Cleanup(func() { l.End() })
	return l
}

// Answered waits until a hundred more calls are answered.
func (l *Load) Answered() { l.t.Helper(); l.more(&l.ok, "are answered") }

// Fail waits until a hundred more calls have failed.
func (l *Load) Fail() { l.t.Helper(); l.more(&l.failed, "fail") }

func (l *Load) more(of *atomic.Int64, what string) {
	l.t.Helper()
	before := of.Load()
	for begun := time.Now(); of.Load() < before+100; time.Sleep(time.Millisecond) {
		if time.Since(begun) > Patience {
			l.t.Fatalf("no more calls %s: %v", what, l)
		}
	}
}

// End ends it, and returns how many calls failed.
func (l *Load) End() (failed int64) {
	l.t.Helper()
	l.stop()
	bounded.Wait(l.t, l.callers.Wait)
	return l.failed.Load()
}

// String tells how it went so far.
func (l *Load) String() string {
	text := fmt.Sprintf("%d calls were answered, %d failed", l.ok.Load(), l.failed.Load())
	if first := l.firstFailure.Load(); first != nil {
		text += fmt.Sprint(", the first with: ", *first)
	}
	return text
}

// KillTwice is the story of a server that is killed under load and comes back, twice: whoever is answered gets their own
// answer, and afterwards everybody does. start starts it again, and returns what kills it.
func KillTwice(t testing.TB, call func(nonce string) (string, error), kill func(), start func() (kill func())) {
	t.Helper()
	l := Begin(t, 50, func(_ int, nonce string) (string, error) { return call(nonce) })
	for range 2 {
		l.Answered()
		kill()
		l.Fail()
		kill = start()
	}
	l.Answered()
	l.End()
	t.Log(l)
}

// Crowd are two thousand callers at once. Each calls, and calls again; a tenth of them make a call in between that they leave
// soon. It returns how many of those left, says leave.
func Crowd(t testing.TB, call func(), leave func(context.Context) (left bool)) int {
	t.Helper()
	var callers sync.WaitGroup
	var left atomic.Int64
	for i := range 2000 {
		callers.Go(func() {
			call()
			if i%10 == 0 {
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(time.Duration(i%7)*time.Millisecond, cancel)
				if leave(ctx) {
					left.Add(1)
				}
			}
			call()
		})
	}
	bounded.Wait(t, callers.Wait)
	return int(left.Load())
}
