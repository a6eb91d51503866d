//go:build !386

package wire

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestWatchOfAWrite: a write is looked at again as long as it is under way, and has its time
// anew if the peer's kernel has got more meanwhile.
func TestWatchOfAWrite(t *testing.T) {
	const more = 2 * leastAcked
	for name, row := range map[string]struct {
		blocking bool
		err      error
		acked    uint64 // what the peer had when it was looked at last
		again    bool
		anew     bool
	}{
		"under way, and the peer has more": {true, nil, 0, true, true},
		"under way, and it has not":        {true, nil, more, true, false},
		"done":                             {false, nil, 0, false, false},
		"the Writer has failed":            {true, io.ErrClosedPipe, 0, false, false},
		"failed and done":                  {false, io.ErrClosedPipe, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, "tcp")
			w := NewWriter(a, WriterConfig{Timeout: time.Hour})
			w.beginBlocking()
			if _, err := a.Write(make([]byte, more)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(b, make([]byte, more)); err != nil {
				t.Fatal(err)
			}
			for limit := new(bounded.Limit); w.Transit().Acked < more; time.Sleep(time.Millisecond) { // no event tells
				if limit.Over() {
					t.Fatalf("of %d bytes the peer has %+v", more, w.Transit())
				}
			}
			w.mu.Lock()
			w.blocking, w.err, w.advance.acked = row.blocking, row.err, row.acked
			w.mu.Unlock()
			if !w.watcher.Stop() {
				t.Error("the write is not watched")
			}
			_ = a.SetWriteDeadline(time.Unix(1, 0))
			w.watch()
			if !w.mu.TryLock() { // nobody else is there
				t.Fatal("the lock is not given back")
			}
			watched := w.watched
			w.mu.Unlock()
			if again := w.watcher.Stop(); again != row.again || watched != row.again {
				t.Errorf("looked at again: %v, %v", again, watched)
			}
			if _, err := a.Write([]byte("x")); row.anew && err != nil || !row.anew && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("time anew %v: %v", row.anew, err)
			}
		})
	}
}

// TestWhatHasEndedIsNotWatched: a Writer that is closed has no timer, which would keep it, its connection and what
// that serves in memory for an eighth of the Timeout.
func TestWhatHasEndedIsNotWatched(t *testing.T) {
	for name, early := range map[string]bool{"during a write": false, "before it": true} {
		a, _ := pair(t, "tcp")
		w := NewWriter(a, WriterConfig{Timeout: time.Hour})
		if early {
			w.Close(nil)
		}
		w.beginBlocking()
		w.Close(nil)
		if w.watcher != nil && w.watcher.Stop() {
			t.Errorf("closed %s: it is still watched", name)
		}
	}
}
