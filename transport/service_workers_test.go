package transport

import (
	"testing"
	"testing/synctest"
	"time"
)

// blockingJob blocks until it is closed.
type blockingJob chan struct{}

func (j blockingJob) work(*Service) { <-j }

// TestIdleWorkersEnd: workers that a burst needed are used again, and gone soon after
// it if nobody needs them.
func TestIdleWorkersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Service
		burst := func(n int) {
			j := make(blockingJob)
			for range n {
				s.start(j)
			}
			synctest.Wait()
			close(j)
			synctest.Wait()
		}
		idle := func(want int, when string) {
			t.Helper()
			s.workers.mu.Lock()
			defer s.workers.mu.Unlock()
			if n := len(s.workers.idle); n != want {
				t.Errorf("%d workers are idle %s, want %d", n, when, want)
			}
		}
		burst(2 * idleWorkers)
		idle(idleWorkers, "after a large burst")
		for range 10 {
			time.Sleep(idleWorkerTime / 2) // of the bubble's time
			burst(3)
		}
		idle(3, "where three are needed now and then")
		time.Sleep(2 * idleWorkerTime) // of the bubble's time
		synctest.Wait()
		idle(0, "where none is needed")
		s.workers.mu.Lock()
		if s.workers.timer != nil {
			t.Error("the timer runs for nobody")
		}
		s.workers.mu.Unlock()
		burst(5)
		s.workers.close()
		idle(0, "after the end")
		burst(1)
		idle(0, "after the end")
	})
}

// TestCloseEndsIdleWorkers: at once, and not when their time is over.
func TestCloseEndsIdleWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewService(quickProtocol{})
		j := make(blockingJob)
		for range 3 {
			s.start(j)
		}
		close(j)
		synctest.Wait()
		if n := len(s.workers.idle); n != 3 {
			t.Errorf("%d workers are idle, want 3", n)
		}
		s.Close()
		synctest.Wait()
		if n := len(s.workers.idle); n != 0 {
			t.Errorf("%d workers are idle after Close", n)
		}
	})
}
