package bounded_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := make(chan int)
		go func() {
			time.Sleep(24 * time.Hour)
			c <- 7
			close(c)
		}()
		if got := bounded.Receive(t, c); got != 7 {
			t.Errorf("received %d, want 7", got)
		}
		if got, open := bounded.Open(t, c); got != 0 || open {
			t.Errorf("received %d, %v of a closed channel", got, open)
		}
		var wg sync.WaitGroup
		wg.Go(func() { time.Sleep(time.Hour) })
		start := time.Now()
		bounded.Wait(t, wg.Wait)
		if took := time.Since(start); took != time.Hour {
			t.Errorf("waited for %v, want 1h", took)
		}
	})
}

// lost is a test that waits in vain.
type lost struct {
	testing.TB
	said string
}

func (l *lost) Helper() {}

func (l *lost) Fatalf(format string, args ...any) {
	l.said = format
	panic(l)
}

func TestWhatNeverComes(t *testing.T) {
	for name, wait := range map[string]func(t testing.TB){
		"Receive": func(t testing.TB) { bounded.Receive(t, make(chan int)) },
		"Open":    func(t testing.TB) { bounded.Open(t, make(chan int)) },
		"Wait": func(t testing.TB) {
			end := make(chan struct{})
			defer close(end)
			bounded.Wait(t, func() { <-end })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &lost{TB: t}
				defer func() {
					if r := recover(); r != l || !strings.HasPrefix(l.said, "nothing came") {
						t.Errorf("ended with %v, said %q", r, l.said)
					}
				}()
				wait(l)
				t.Error("the wait has ended")
			})
		})
	}
}
