package muxpool

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/deadline"
)

// TestDeadlineContextOfManySiblings: where a deadline.Context has become a context of
// package context, it ends a moment after what it was derived from, for which a Read
// waits. Then the Read's error still is the context's.
func TestDeadlineContextOfManySiblings(t *testing.T) {
	pool, err := New(WithDialContext(func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }() // until ours is closed
		return ours, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	opts := NewGetOptions()
	opts.WithFrameParser(worldParser{})
	for range 20 {
		base, cancel := context.WithCancel(context.Background())
		for range 1000 {
			_, stop := context.WithCancel(base)
			defer stop()
		}
		var wg sync.WaitGroup
		for range 20 {
			ctx, stop := deadline.WithTimeout(base, time.Hour)
			defer stop()
			ctx.Done()
			m, err := pool.GetMuxConn(ctx, "tcp", "peer:1", opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Write(worldFrame(worldAnswer, m.VID(), 1)); err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				defer m.Close()
				if frame, err := m.Read(); !errors.Is(err, context.Canceled) {
					t.Errorf("Read: %v, %v", frame, err)
				}
				if err := m.Write(worldFrame(worldAnswer, m.VID(), 1)); !errors.Is(err, context.Canceled) {
					t.Errorf("Write: %v", err)
				}
			})
		}
		runtime.Gosched()
		cancel()
		bounded.Wait(t, wg.Wait)
	}
}

// TestWatchedOrNot: of Reads whose Contexts were derived from one, the one that watches
// that learns of its end at once, and the others as with any other context.
func TestWatchedOrNot(t *testing.T) {
	for _, busy := range []bool{false, true} {
		withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
			n, latest := patientFrom-1, time.Duration(0)
			if busy {
				n, latest = patientFrom, 2*patienceTick
			}
			below, cancel := deadline.WithTimeout(context.Background(), time.Minute)
			var ends []<-chan readEnd
			for range n {
				ctx, stop := deadline.WithTimeout(below, time.Minute)
				defer stop()
				m := w.mustGet(ctx)
				defer m.Close()
				w.mustWrite(m, 1)
				ends = append(ends, readLater(m))
			}
			synctest.Wait()
			cancel()
			atOnce := 0
			for _, end := range ends {
				e := bounded.Receive(t, end)
				if e.after == 0 {
					atOnce++
				}
				if e.after > latest || !errors.Is(e.err, context.Canceled) {
					t.Errorf("busy %v: Read ended %v later with %v", busy, e.after, e.err)
				}
			}
			if atOnce == 0 {
				t.Errorf("busy %v: no Read has learned of it at once", busy)
			}
		})
	}
}
