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
		for i, m := range calls[3:] { // which wait for their contexts
			if since := m.call.patience.Load(); since != 0 {
				t.Errorf("Read %d is patient still, since round %d", 3+i, since)
			}
		}
		end := readLater(calls[1]) // closed
		if e := <-end; !errors.Is(e.err, ErrMuxConnClosed) {
			t.Errorf("Read of a closed one: %v", e.err)
		}
	})
}

// TestPatienceOfVeryManyCalls: a look for those whose patience is over goes through all calls
// of the conn. Where they are very many, there is none.
func TestPatienceOfVeryManyCalls(t *testing.T) {
	patientWorld(t, 1, time.Hour, func(_ *world, calls []*muxConn, _ []context.CancelFunc) {
		c := calls[0].conn
		for n, want := range map[int32]bool{patientFrom - 1: false, patientFrom: true, patientMost: true, patientMost + 1: false, 1 << 20: false} {
			c.inFlight.Store(n)
			if got := c.patient(calls[0].call); got != want {
				t.Errorf("with %d calls a Read is patient: %v", n, got)
			}
			calls[0].call.patience.Store(0)
		}
		c.inFlight.Store(1)
	})
}

// TestPatienceInVain: where the patience of many Reads ends without an answer, there is none
// for so many frames; and for one Read in sixteen it is worth it.
func TestPatienceInVain(t *testing.T) {
	for _, row := range []struct {
		vain, frames uint64 // of a tick
		from         uint64 // from which frame on there is patience again
	}{
		{0, 0, 0},
		{1, 0, 1000 + impatience},
		{1, impatience - 1, 1000 + impatience - 1 + impatience},
		{1, impatience, 0},
		{2, impatience, 1000 + impatience + 2*impatience},
		{3, 3 * impatience, 0},
		{4, 3*impatience + 1, 1000 + 3*impatience + 1 + 4*impatience},
	} {
		patientWorld(t, 2*patientFrom, time.Minute, func(_ *world, calls []*muxConn, _ []context.CancelFunc) {
			c := calls[0].conn
			p := &c.patience
			c.mu.Lock()
			p.seen = 1000
			p.round.Store(7)
			c.mu.Unlock()
			c.frames.Store(1000 + row.frames)
			for i, m := range calls {
				switch {
				case i < int(row.vain):
					m.call.patience.Store(7)
				case i == int(row.vain):
					m.call.patience.Store(8) // began since the last tick
				}
			}
			c.patienceTick()
			if got := p.from.Load(); got != row.from || p.seen != 1000+row.frames || p.round.Load() != 8 {
				t.Errorf("%d in vain of %d frames: none until frame %d, seen %d; want %d", row.vain, row.frames, got, p.seen, row.from)
			}
			if !p.ticking.Load() {
				t.Error("no tick comes for a Read that has just begun")
			}
			for i, m := range calls {
				m.call.patience.Store(0)
				signalled := false
				select {
				case <-m.call.wake:
					signalled = true
				default:
				}
				if over := i < int(row.vain); signalled != over {
					t.Errorf("Read %d of which %d have waited in vain is told: %v", i, row.vain, signalled)
				}
			}
		})
	}
}
