package muxpool

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// TestPatienceOfAnOldConn: however long a connection has been there, and whether or not somebody is patient on it, a
// Read whose deadline is near is not.
func TestPatienceOfAnOldConn(t *testing.T) {
	for name, beside := range map[string]bool{"alone": false, "beside a patient Read": true} {
		patientWorld(t, patientFrom, time.Hour, func(w *world, calls []*muxConn, _ []context.CancelFunc) {
			time.Sleep(time.Second) // of the bubble's time
			if beside {
				readLater(calls[0])
				synctest.Wait()
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			m := w.mustGet(ctx)
			defer m.Close()
			w.mustWrite(m, 1)
			if e := <-readLater(m); e.after != time.Millisecond || !errors.Is(e.err, context.DeadlineExceeded) {
				t.Errorf("%s: Read ended after %v with %v, want the deadline at 1 ms", name, e.after, e.err)
			}
		})
	}
}

// TestReadWithoutADeadline: on a busy connection, too, it learns of the end of its context at once: no tick comes for it.
func TestReadWithoutADeadline(t *testing.T) {
	patientWorld(t, patientFrom, time.Hour, func(w *world, _ []*muxConn, _ []context.CancelFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		m := w.mustGet(ctx)
		defer m.Close()
		w.mustWrite(m, 1)
		end := readLater(m)
		synctest.Wait()
		cancel()
		if e := <-end; e.after != 0 || !errors.Is(e.err, context.Canceled) {
			t.Errorf("Read ended after %v with %v, want Canceled at once", e.after, e.err)
		}
	})
}

// TestPatienceComesBack: with the frame from which on there is some again.
func TestPatienceComesBack(t *testing.T) {
	patientWorld(t, patientFrom, time.Hour, func(_ *world, calls []*muxConn, _ []context.CancelFunc) {
		c := calls[0].conn
		c.patience.from.Store(5)
		for frames, want := range map[uint64]bool{4: false, 5: true} {
			c.frames.Store(frames)
			if got := c.patient(calls[0].call); got != want {
				t.Errorf("after %d frames a Read is patient: %v", frames, got)
			}
			calls[0].call.patience.Store(0)
		}
	})
}

// TestPatienceNeedsTime: three ticks to the deadline; and a round to begin in, which none that comes round to zero is.
func TestPatienceNeedsTime(t *testing.T) {
	for _, row := range []struct {
		left  time.Duration
		round uint32
		since uint32 // 0: it is not patient
	}{
		{3 * patienceTick, 0, 1}, {3*patienceTick - 1, 0, 0}, {time.Second, 7, 8}, {time.Second, math.MaxUint32 - 1, math.MaxUint32}, {time.Second, math.MaxUint32, 0},
	} {
		patientWorld(t, patientFrom, row.left, func(_ *world, calls []*muxConn, _ []context.CancelFunc) {
			c, cl := calls[0].conn, calls[0].call
			c.patience.round.Store(row.round)
			if got := c.patient(cl); got != (row.since > 0) || cl.patience.Load() != row.since {
				t.Errorf("%v before its deadline, after round %d: patient %v, since %d; want %d", row.left, row.round, got, cl.patience.Load(), row.since)
			}
			cl.patience.Store(0)
		})
	}
}
