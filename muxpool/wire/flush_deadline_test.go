package wire

import (
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// undue is a connection that looks at its Writer when the deadline of a write is taken back.
type undue struct {
	net.Conn
	w           *Writer
	done, early atomic.Int64 // how often, and how often the write was still watched
	due         atomic.Bool  // a write has a deadline
	unwatched   atomic.Int64 // writes that had none, or that nobody watches
}

func (u *undue) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		u.done.Add(1)
		u.w.mu.Lock()
		if u.w.blocking {
			u.early.Add(1)
		}
		u.w.mu.Unlock()
	}
	u.due.Store(!t.IsZero())
	return u.Conn.SetWriteDeadline(t)
}

func (u *undue) Write(b []byte) (int, error) {
	u.w.mu.Lock()
	blocking := u.w.blocking
	u.w.mu.Unlock()
	if !blocking || !u.due.Load() {
		u.unwatched.Add(1)
	}
	return u.Conn.Write(b)
}

// TestDeadlineOfAWriteEndsWithIt: a write that may wait has one, and is watched. Nobody moves it any more when
// it is taken back, or the next write, which does not wait, would find it passed.
func TestDeadlineOfAWriteEndsWithIt(t *testing.T) {
	for _, transport := range []string{"tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			a, b := pair(t, transport)
			small(t, Bare(a), Bare(b))
			w := NewWriter(a, WriterConfig{MaxBytes: 1 << 30, OnError: func(err error) { t.Error(err) }})
			u := &undue{Conn: w.socket, w: w}
			if w.socket = u; w.records == nil {
				w.nc = u
			} else {
				w.records.Conn = u
			}
			frames := 0
			for ; frames < 1000; frames++ {
				write(t, w, appendFrame(nil, 1, uint32(frames), 4<<10))
			}
			if err := inOrder(b, frames, 4<<10); err != nil {
				t.Error(err)
			}
			checkIdle(t, w)
			if done, early := u.done.Load(), u.early.Load(); done == 0 || early > 0 {
				t.Errorf("%d writes have waited, %d deadlines were taken back too early", done, early)
			}
			if n := u.unwatched.Load(); n > 0 {
				t.Errorf("%d writes had no deadline, or were not watched", n)
			}
		})
	}
}
