package muxpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// patientWorld plays f with n calls on one conn, which have been written and are
// not answered.
func patientWorld(t *testing.T, n int, timeout time.Duration, f func(w *world, calls []*muxConn, cancel []context.CancelFunc)) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithStallTimeout(time.Hour), WithKeepAlive(time.Hour)}, func(t *testing.T, w *world) {
		var calls []*muxConn
		var cancels []context.CancelFunc
		for range n {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			m := w.mustGet(ctx)
			defer m.Close()
			w.mustWrite(m, 1)
			calls, cancels = append(calls, m), append(cancels, cancel)
		}
		synctest.Wait()
		f(w, calls, cancels)
	})
}

// readResult is how a Read ended, and after how long.
type readEnd struct {
	after time.Duration
	err   error
}

func readLater(m *muxConn) <-chan readEnd {
	end := make(chan readEnd, 1)
	begin := time.Now()
	go func() {
		_, err := m.Read()
		end <- readEnd{time.Since(begin), err}
	}()
	return end
}

func TestPatientReadsKeepDeadlines(t *testing.T) {
	for _, timeout := range []time.Duration{time.Millisecond, 3*patienceTick + time.Microsecond, time.Second} {
		patientWorld(t, 2*patientFrom, timeout, func(w *world, calls []*muxConn, _ []context.CancelFunc) {
			var ends []<-chan readEnd
			for _, m := range calls {
				ends = append(ends, readLater(m))
			}
			for i, end := range ends {
				if e := <-end; e.after != timeout || !errors.Is(e.err, context.DeadlineExceeded) {
					t.Fatalf("Read %d ended after %v with %v, want the deadline at %v", i, e.after, e.err, timeout)
				}
			}
		})
	}
}

func TestPatientReadsLearnOfCancellation(t *testing.T) {
	for _, test := range []struct {
		calls  int
		at     time.Duration // after the Read began
		latest time.Duration
	}{
		{patientFrom - 1, 0, 0}, // not busy: at once
		{patientFrom, 0, 2 * patienceTick},
		{patientFrom, patienceTick, 2*patienceTick - patienceTick},
		{patientFrom, 2 * patienceTick, 0}, // its patience is over: at once
		{patientFrom, time.Second, 0},
	} {
		patientWorld(t, test.calls, time.Minute, func(w *world, calls []*muxConn, cancel []context.CancelFunc) {
			end := readLater(calls[0])
			synctest.Wait()
			time.Sleep(test.at) // of the bubble's time
			cancel[0]()
			e := <-end
			if late := e.after - test.at; late > test.latest || !errors.Is(e.err, context.Canceled) {
				t.Errorf("%d calls, cancelled after %v: Read ended %v later with %v, want Canceled within %v",
					test.calls, test.at, late, e.err, test.latest)
			}
		})
	}
}

// TestPatienceEnds: a conn whose Reads wait for their contexts has no timer that
// ticks, and an answer or a Close ends a patient Read at once.
func TestPatienceEnds(t *testing.T) {
	patientWorld(t, 2*patientFrom, time.Minute, func(w *world, calls []*muxConn, _ []context.CancelFunc) {
		var ends []<-chan readEnd
		for _, m := range calls {
			ends = append(ends, readLater(m))
		}
		synctest.Wait()
		p := &calls[0].conn.patience
		if !p.ticking.Load() {
			t.Fatal("no tick will come for Reads that have just begun")
		}
		calls[1].Close()
		if e := <-ends[1]; e.after != 0 || !errors.Is(e.err, ErrMuxConnClosed) {
			t.Errorf("Read after Close ended after %v with %v", e.after, e.err)
		}
		w.mustAnswer(calls[2])
		if e := <-ends[2]; e.after != 0 || e.err != nil {
			t.Errorf("an answered Read ended after %v with %v", e.after, e.err)
		}
		time.Sleep(3 * patienceTick) // of the bubble's time
		synctest.Wait()
		if p.ticking.Load() {
			t.Error("it ticks although no Read is patient")
		}
		end := readLater(calls[1]) // closed
		if e := <-end; !errors.Is(e.err, ErrMuxConnClosed) {
			t.Errorf("Read of a closed one: %v", e.err)
		}
	})
}
