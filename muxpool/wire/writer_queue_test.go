package wire

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// The queue holds so many frames, and so many bytes, and no more.
func TestQueueIsBounded(t *testing.T) {
	cases := map[string]struct {
		cfg    WriterConfig
		size   int
		frames int
	}{
		"default":            {WriterConfig{}, 8, 1024},
		"frames":             {WriterConfig{MaxFrames: 5}, 8, 5},
		"bytes":              {WriterConfig{MaxBytes: 100}, 30, 3},
		"bytes to the last":  {WriterConfig{MaxBytes: 90}, 30, 3},
		"default bytes":      {WriterConfig{}, 1 << 20, 4},
		"one frame at least": {WriterConfig{MaxBytes: 10}, 5000, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a, _ := net.Pipe()
			defer a.Close()
			w := NewWriter(a, c.cfg)
			w.writing = true // nobody takes what is queued
			frame := make([]byte, c.size)
			for range c.frames {
				if _, err := w.TryWrite(frame); err != nil {
					t.Fatal(err)
				}
			}
			for _, owned := range []bool{false, true} {
				var mark Mark
				_, err := w.TryMark(own(frame), owned, &mark, 0)
				if err != ErrQueueFull {
					t.Errorf("owned %v: one frame more: %v", owned, err)
				}
				if _, ok := mark.Offset(); ok {
					t.Error("a frame that was not queued has an offset")
				}
			}
			if frames, size := w.Queued(); frames != c.frames || size != c.frames*c.size {
				t.Errorf("%d frames, %d bytes queued", frames, size)
			}
		})
	}
}

// Who waits for space gets it when the writer gets on, in a while, and not when
// its context ends first.
func TestWriteWaitsForSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer a.Close()
		w := NewWriter(a, WriterConfig{MaxFrames: 1, Timeout: time.Hour})
		write(t, w, []byte("under way"))
		synctest.Wait()
		write(t, w, []byte("queued"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, size := range []int{10, 2 * refMin} {
			if _, err := w.Write(ctx.Done(), make([]byte, size)); err != ErrQueueFull {
				t.Errorf("Write: %v", err)
			}
			if _, err := w.WriteOwned(ctx.Done(), Alloc(size)); err != ErrQueueFull {
				t.Errorf("WriteOwned: %v", err)
			}
		}
		waited := make(chan error, 1)
		go func() {
			_, err := w.Write(t.Context().Done(), []byte("waited"))
			waited <- err
		}()
		synctest.Wait()
		if len(waited) > 0 {
			t.Fatal("Write returned while the queue was full:", bounded.Receive(t, waited))
		}
		want := []byte("under wayqueuedwaited")
		got := make([]byte, len(want))
		for i := range got {
			if _, err := b.Read(got[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := bounded.Receive(t, waited); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v; the peer got %q", err, got)
		}
		checkIdle(t, w)
	})
}

// Close ends those who wait for space, and everybody later, with its error.
func TestCloseEndsWaits(t *testing.T) {
	for _, cause := range []error{errTest, nil} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := net.Pipe()
			w := NewWriter(a, WriterConfig{MaxFrames: 1, Timeout: time.Hour})
			write(t, w, []byte("under way"))
			synctest.Wait()
			write(t, w, []byte("queued"))
			ended := make(chan error, 3)
			go func() { _, err := w.Write(nil, []byte("waits")); ended <- err }()
			go func() { _, err := w.WriteOwned(nil, Alloc(2*refMin)); ended <- err }()
			go func() { ended <- w.WaitSent(nil) }()
			synctest.Wait()
			w.Close(cause)
			w.Close(errors.New("only the first counts"))
			want := cause
			if want == nil {
				want = net.ErrClosed
			}
			for range 3 {
				if err := bounded.Receive(t, ended); err != want {
					t.Errorf("%v, want %v", err, want)
				}
			}
			for _, owned := range []bool{false, true} {
				for _, size := range []int{10, 2 * refMin} {
					if _, err := w.TryMark(Alloc(size), owned, nil, 0); err != want {
						t.Errorf("TryMark after Close: %v, want %v", err, want)
					}
				}
			}
			if frames, _ := w.Queued(); frames != 0 {
				t.Errorf("%d frames queued after Close", frames)
			}
			a.Close()
		})
	}
}
