package endpoint

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-kit/log"
)

// A logger that has blocked is told, once, how many lines it was not given meanwhile.
func TestALoggerIsToldWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var lines []string
		block := make(chan struct{})
		d := discover()
		s := NewSet(d, log.LoggerFunc(func(keyvals ...any) error {
			mu.Lock()
			lines = append(lines, strings.TrimSpace(fmt.Sprintln(keyvals...)))
			first := len(lines) == 1
			mu.Unlock()
			if first {
				<-block
			}
			return nil
		}))
		defer s.Close()
		for _, why := range []string{"one", "two", "three", "four"} {
			d.fails(s, errors.New(why))
			settle(s) // the line was written, or not
			if why == "two" {
				close(block)
				synctest.Wait()
			}
		}
		for i, want := range []string{"err one", "err three lost_before 1", "err four"} {
			if len(lines) != 3 || !strings.HasSuffix(lines[i], want) {
				t.Fatalf("line %d of %q does not end with %s", i, lines, want)
			}
		}
	})
}
