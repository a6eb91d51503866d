package muxpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestCallsEndInPortions: 5120 calls are due at once, or lose their connection. Those who
// wait for a place have it, and the lock is free, before more than a portion has ended.
func TestCallsEndInPortions(t *testing.T) {
	calls, waiting := 20*endPortion, 10
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithMaxVirConnsPerConn(calls)}, func(t *testing.T, w *world) {
		for range calls {
			w.mustGet(context.Background(), func(o *GetOptions) { o.WithTimeout(time.Hour) })
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		got := make(chan *muxConn, waiting)
		for range waiting {
			go func() { got <- w.mustGet(ctx) }()
		}
		synctest.Wait()
		c := (*w.node().open.Load())[0]
		later := time.Now().Add(2 * time.Hour)
		due := c.due(later)
		if len(due) != calls {
			t.Fatalf("%d calls are due, want %d", len(due), calls)
		}
		ended, before := 0, 0 // in all; when nobody waited any more
		c.endEach(due, func(cl *call) bool {
			if before == 0 && w.node().waiting.Load() == 0 {
				before = ended
			}
			ended++
			return cl.due(later)
		}, endDeadline, context.DeadlineExceeded)
		if ended != calls || before == 0 || before > endPortion {
			t.Errorf("%d calls have ended, %d before those who waited were served; want %d, and %d at most", ended, before, calls, endPortion)
		}
		for range waiting {
			bounded.Receive(t, got).Close()
		}
	})
}

// TestManyCallsTimeOut: each of 5120 calls with one deadline ends at it.
func TestManyCallsTimeOut(t *testing.T) {
	calls := 20 * endPortion
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		ends, begin := make(chan readEnd, calls), time.Now()
		for range calls {
			m := w.mustGet(context.Background(), func(o *GetOptions) { o.WithTimeout(time.Second) })
			go func() {
				_, err := m.Read()
				m.Close()
				ends <- readEnd{time.Since(begin), err}
			}()
		}
		for range calls {
			if e := bounded.Receive(t, ends); e.after != time.Second || !errors.Is(e.err, context.DeadlineExceeded) {
				t.Fatalf("a call ended after %v with %v", e.after, e.err)
			}
		}
	})
}

// TestEndedCallsAreOffTheConn: whatever ends it, a call that has left its conn, and so may be
// somebody else's on another, is found there no more; one that has not is.
func TestEndedCallsAreOffTheConn(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		for why := range callEnd(len(endRules)) {
			m := w.mustGet(t.Context())
			w.mustWrite(m, 1)
			c := m.conn
			c.mu.Lock()
			c.end(m.call, why, ErrConnLost)
			live, found := m.call.live, c.ids.live.find(m.id) != nil
			c.mu.Unlock()
			if stays := endRules[why].id == idKept; live != stays || found != stays {
				t.Errorf("way %d: the call is live %v, found by its id %v, want %v", why, live, found, stays)
			}
			if left, told := m.call.hasLeft(), endRules[why].told; left != (told && !live) { // then it leaves the conn's lock alone
				t.Errorf("way %d: the call knows that it has left: %v", why, left)
			}
			m.Close()
		}
	})
}

// node returns the only node.
func (w *world) node() *node {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	for _, n := range w.pool.nodes {
		return n
	}
	w.t.Fatal("there is no node")
	return nil
}
