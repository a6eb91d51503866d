package discovery

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
)

// A logger that panics, ends its goroutine or blocks ends no follower and no process, and delays it once.
func TestALoggerHarmsNobody(t *testing.T) {
	release := make(chan struct{})
	for name, end := range map[string]func(){
		"panics": func() { panic("boom") }, "ends its goroutine": runtime.Goexit, "blocks": func() { <-release },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release = make(chan struct{})
				var mu sync.Mutex
				var lines []string
				l := Careful(log.LoggerFunc(func(kv ...any) error {
					mu.Lock()
					lines = append(lines, fmt.Sprint(kv...))
					first := len(lines) == 1
					mu.Unlock()
					if first {
						end()
					}
					return nil
				}))
				o := Options{Logger: l}
				c := Complaints{Logger: l}
				began, looked := time.Now(), 0
				f := Follow(t.Context(), func(ctx context.Context, wake <-chan struct{}) {
					for !Pause(ctx, time.Second, wake) {
						looked++
						o.Log("look", looked)
						c.LeftOut(fmt.Sprint(looked), errors.New("bad"))
						if looked == 2 {
							close(release)
						}
					}
				})
				time.Sleep(4*time.Second + 2*patience)
				f.Stop()
				if looked != 4 {
					t.Errorf("it has looked %d times in %v", looked, time.Since(began))
				}
				last := fmt.Sprint("msgan entry is left outentry", looked, "errbad")
				if mu.Lock(); !slices.Contains(lines, last) {
					t.Errorf("%q lack %q", lines, last)
				}
				if told := slices.Contains(lines, "look3lost_before3"); told != (name == "blocks") {
					t.Errorf("%q", lines)
				}
				mu.Unlock()
			})
		})
	}
	if Careful(nil) != nil {
		t.Error("nobody is somebody")
	}
}

// A single line that is lost is counted by the next one, and by no other.
func TestALineThatIsLostIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var lines []string
		l := Careful(log.LoggerFunc(func(kv ...any) error {
			lines = append(lines, fmt.Sprint(kv...))
			<-release
			return nil
		}))
		l.Log("a")
		l.Log("b")
		close(release)
		synctest.Wait()
		l.Log("c")
		l.Log("d")
		if got := fmt.Sprint(lines); got != "[a clost_before1 d]" {
			t.Error(got)
		}
	})
}
