package wire

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// The flusher lives as long as there is something to write. The end of a bubble
// waits for its goroutines: one that stayed would be reported as a deadlock.
func TestFlusherEndsWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		w := NewWriter(a, WriterConfig{Timeout: time.Hour})
		for round := range uint32(3) {
			write(t, w, appendFrame(nil, 1, 2*round, 100))
			write(t, w, appendFrame(nil, 1, 2*round+1, 2*refMin))
			synctest.Wait()
			w.mu.Lock()
			if !w.writing {
				t.Error("no flusher while the peer does not read")
			}
			w.mu.Unlock()
			buf := make([]byte, 3*refMin)
			for i := range uint32(2) {
				frame, err := readFrame(b, buf)
				if err != nil {
					t.Fatal(err)
				}
				if _, seq, err := checkFrame(frame); err != nil || seq != 2*round+i {
					t.Fatal(seq, err)
				}
			}
			synctest.Wait()
			w.mu.Lock()
			if w.writing || w.sent != w.end {
				t.Errorf("idle: writing %v, sent %d of %d", w.writing, w.sent, w.end)
			}
			w.mu.Unlock()
		}
	}) // neither end is closed
}

// A flusher whose connection is closed under it ends, and says why once.
func TestFlusherEndsWithItsConnection(t *testing.T) {
	for _, closes := range []string{"near", "far", "writer and near"} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			var failed []error
			w := NewWriter(a, WriterConfig{Timeout: time.Hour, OnError: func(err error) { failed = append(failed, err) }})
			first := write(t, w, []byte("under way"))
			synctest.Wait()
			second := write(t, w, []byte("queued"))
			want := 1
			switch closes {
			case "far":
				b.Close()
			case "writer and near":
				w.Close(errTest)
				want = 0
				fallthrough
			default:
				a.Close()
			}
			synctest.Wait()
			if len(failed) != want {
				t.Errorf("%s: OnError heard %v", closes, failed)
			}
			for _, offset := range []uint64{first, second} {
				if sent, retry, err := w.Sent(offset); sent || retry != nil || err == nil {
					t.Errorf("%s: Sent(%d): %v, %v", closes, offset, sent, err)
				}
			}
			if !w.MaybeSent(first) || w.MaybeSent(second) {
				t.Errorf("%s: MaybeSent: %v under way, %v queued", closes, w.MaybeSent(first), w.MaybeSent(second))
			}
		})
	}
}

// empty is a connection that breaks the contract of io.Writer, for as long as anybody
// can take to notice.
type empty struct {
	net.Conn
	writes *int
}

func (e empty) Write([]byte) (int, error) {
	if *e.writes++; *e.writes > 100 {
		panic("a write of 0 bytes is repeated for ever")
	}
	return 0, nil
}

func TestWriteOfNothingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := net.Pipe()
		w := NewWriter(empty{a, new(int)}, WriterConfig{})
		write(t, w, []byte("frame"))
		synctest.Wait()
		if err := w.WaitSent(nil); err == nil {
			t.Error("a write of 0 bytes passed for one of all")
		}
	})
}
