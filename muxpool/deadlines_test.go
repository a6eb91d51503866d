package muxpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestDeadlinesOfOneConn: each call ends at its own deadline, whatever order they
// come in and whoever else has ended before, and nobody else does.
func TestDeadlinesOfOneConn(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithStallTimeout(time.Hour), WithKeepAlive(time.Hour)}, func(t *testing.T, w *world) {
		within := func(d time.Duration) func(*GetOptions) {
			return func(o *GetOptions) { o.WithTimeout(d) }
		}
		for _, d := range []time.Duration{50, 20, 80, 20, 100, 10} {
			d *= time.Millisecond
			m := w.mustGet(context.Background(), within(d))
			defer m.Close()
			w.mustWrite(m, 1)
			end := readLater(m)
			go func() {
				if e := <-end; e.after != d || !errors.Is(e.err, context.DeadlineExceeded) {
					t.Errorf("a call of %v ended after %v with %v", d, e.after, e.err)
				}
			}()
		}
		done := w.mustGet(context.Background(), within(30*time.Millisecond))
		w.mustWrite(done, 1)
		done.Close() // its deadline finds another call in its place
		next := w.mustGet(context.Background())
		defer next.Close()
		w.mustWrite(next, 2)
		end := readLater(next)
		time.Sleep(time.Second) // of the bubble's time
		synctest.Wait()
		select {
		case e := <-end:
			t.Fatalf("a call without a deadline ended after %v with %v", e.after, e.err)
		default:
		}
		if d := &next.conn.deadlines; !d.next.IsZero() {
			t.Errorf("the timer is set to %v, for nobody", d.next)
		}
		w.mustAnswer(next)
		if e := bounded.Receive(t, end); e.err != nil {
			t.Errorf("Read: %v", e.err)
		}
	})
}

// TestManyDeadlinesAtOnce: on a conn with many calls those that are due within so many times 100 ns wait for one
// look, and those that come later are to the moment.
func TestManyDeadlinesAtOnce(t *testing.T) {
	const calls = 100
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		for range calls - 3 {
			defer w.mustGet(t.Context()).Close()
		}
		ends := make(map[time.Duration]<-chan readEnd)
		for _, d := range []time.Duration{time.Second, time.Second + 1, time.Second + 2*calls*scanShare} {
			m := w.mustGet(t.Context(), func(o *GetOptions) { o.WithTimeout(d) })
			defer m.Close()
			ends[d] = readLater(m)
		}
		for d, want := range map[time.Duration]time.Duration{
			time.Second:                     time.Second,
			time.Second + 1:                 time.Second + calls*scanShare,
			time.Second + 2*calls*scanShare: time.Second + 2*calls*scanShare,
		} {
			if e := bounded.Receive(t, ends[d]); e.after != want || !errors.Is(e.err, context.DeadlineExceeded) {
				t.Errorf("a call of %v ended after %v with %v, want %v", d, e.after, e.err, want)
			}
		}
	})
}

// TestDeadlineFreesAPlace: calls whose deadlines pass make room for those that wait,
// although nobody closes them.
func TestDeadlineFreesAPlace(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithMaxVirConnsPerConn(2)}, func(t *testing.T, w *world) {
		begin := time.Now()
		for range 2 {
			defer w.mustGet(context.Background(), func(o *GetOptions) { o.WithTimeout(time.Second) }).Close()
		}
		for range 2 {
			defer w.mustGet(context.Background()).Close()
		}
		if d := time.Since(begin); d != time.Second {
			t.Errorf("served after %v, want a second", d)
		}
	})
}

// TestTimeoutOfADroppedNode: a Get whose node is dropped while it waits goes on with what is
// left of its time, and all that it has waited is counted.
func TestTimeoutOfADroppedNode(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithDialTimeout(time.Hour)}, func(t *testing.T, w *world) {
		w.dials = 2 // they do not end
		w.opts.WithTimeout(time.Second)
		begin, end := time.Now(), make(chan error, 1)
		go func() {
			_, err := w.pool.GetMuxConn(context.Background(), "tcp", "peer:1", w.opts)
			end <- err
		}()
		time.Sleep(900 * time.Millisecond)
		w.pool.Drop(Node{"tcp", "peer:1"})
		if err := bounded.Receive(t, end); time.Since(begin) != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended after %v with %v", time.Since(begin), err)
		}
		if s := w.pool.Stats(); s.Waits != 2 || s.WaitDuration != time.Second {
			t.Errorf("%d waits of %v are counted, want 2 of 1s: one for each node", s.Waits, s.WaitDuration)
		}
	})
}
