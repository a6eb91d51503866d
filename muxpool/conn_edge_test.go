package muxpool

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestFailedWrites: whose failure ends a conn at once, and which leave what the peer has said
// before to be read.
func TestFailedWrites(t *testing.T) {
	for _, row := range []struct {
		name   string
		err    error
		calls  int
		state  connState
		reason Reason
	}{
		{"its time is over", fmt.Errorf("write: %w", os.ErrDeadlineExceeded), 1, connClosed, ReasonWriteFailed},
		{"it was closed", fmt.Errorf("write: %w", net.ErrClosed), 1, connClosed, ReasonWriteFailed},
		{"the peer has gone", syscall.EPIPE, 1, connDraining, ReasonWriteFailed},
		{"the peer has gone, and nobody waits", syscall.EPIPE, 0, connDraining, ReasonPeerClosed},
	} {
		withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
			m := w.mustGet(t.Context())
			c := m.conn
			if row.calls == 0 {
				m.Close()
			} else {
				defer m.Close()
			}
			state := func() (connState, Reason) {
				c.mu.Lock()
				defer c.mu.Unlock()
				return c.state, c.reason
			}
			c.writeFailed(row.err)
			if s, why := state(); s != row.state && !(row.calls == 0 && s == connClosed) || why != row.reason {
				t.Errorf("%s: state %v, %v", row.name, s, why)
			}
			time.Sleep(lastWords)
			synctest.Wait()
			if s, why := state(); s != connClosed || why != row.reason {
				t.Errorf("%s: in the end state %v, %v", row.name, s, why)
			}
		})
	}
}

// TestSameErrno: a write and a read that have failed alike tell it once.
func TestSameErrno(t *testing.T) {
	pipe, reset := os.NewSyscallError("write", syscall.EPIPE), os.NewSyscallError("read", syscall.ECONNRESET)
	for _, row := range []struct {
		a, b error
		same bool
	}{
		{pipe, os.NewSyscallError("read", syscall.EPIPE), true}, {pipe, reset, false}, {reset, fmt.Errorf("%w: %w", ErrConnLost, reset), true},
		{pipe, net.ErrClosed, false}, {net.ErrClosed, pipe, false}, {net.ErrClosed, net.ErrClosed, false}, {nil, nil, false},
	} {
		if got := sameErrno(row.a, row.b); got != row.same {
			t.Errorf("%v and %v are the same: %v", row.a, row.b, got)
		}
	}
}

// TestHungUpWithoutItsCall: a call that was ended while it was put on a conn has hung up only if
// the conn has.
func TestHungUpWithoutItsCall(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		c := m.conn
		m.Close()
		if c.hungUp() {
			t.Error("an open conn has hung up")
		}
		c.close(ReasonWriteFailed, ErrConnLost)
		if !c.hungUp() {
			t.Error("a closed conn has not hung up")
		}
	})
}

// TestRenewOfWhatIsLeft: a conn that its slot has lost, or whose pool is closed, is replaced by
// nothing, and nobody is held up.
func TestRenewOfWhatIsLeft(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		old := m.conn
		m.Close()
		old.close(ReasonWriteFailed, ErrConnLost)
		m = w.mustGet(t.Context())
		defer m.Close()
		old.renew(true)
		old.renew(true)
		if n := len(w.peers); n != 2 {
			t.Errorf("%d connections were made", n)
		}
		w.pool.Close()
		m.conn.renew(true)
		m.conn.renew(false)
		if n := len(w.peers); n != 2 {
			t.Errorf("%d connections were made", n)
		}
	})
}

// TestTooManyReservedIDs: a conn on which too many answers are still to come takes no more calls.
func TestTooManyReservedIDs(t *testing.T) {
	withWorld(t, spaceParser{0, 1<<17 - 1}, []PoolOption{WithConnectNumber(1), WithKeepAlive(time.Hour)}, func(t *testing.T, w *world) {
		leave := func(reserved int) *conn {
			m := w.mustGet(t.Context())
			c := m.conn
			w.mustWrite(m, 1)
			c.mu.Lock()
			for id := m.id - 1; c.ids.reserved.len() < reserved-1; id-- { // those that come round last
				c.ids.reserved.set(id%(1<<17), 1)
			}
			c.mu.Unlock()
			synctest.Wait()
			m.Close()
			synctest.Wait()
			return c
		}
		state := func(c *conn) (connState, Reason) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.state, c.reason
		}
		if s, why := state(leave(1 << 16)); s != connOpen {
			t.Errorf("with half of all ids reserved: %v, %v", s, why)
		}
		c := leave(1<<16 + 1)
		if s, why := state(c); s == connOpen || why != ReasonIDsExhausted {
			t.Errorf("with more than half of all ids reserved: %v, %v", s, why)
		}
		m := w.mustGet(t.Context())
		defer m.Close()
		if m.conn == c {
			t.Error("it takes another call")
		}
	})
}

// TestDatagramOfTheLimit: a frame may be as large as the limit says.
func TestDatagramOfTheLimit(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithMaxFrameSize(worldLen)}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		m, err := w.pool.GetMuxConn(ctx, "udp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		w.mustWrite(m.(*muxConn), 1)
		synctest.Wait()
		w.mustAnswer(m.(*muxConn))
		if _, err := m.Read(); err != nil {
			t.Errorf("a frame of %d bytes, of as many that are allowed: %v", worldLen, err)
		}
	})
}

// TestRequestOfThePeerThatNobodyAnswers: it is counted, and nothing is sent.
func TestRequestOfThePeerThatNobodyAnswers(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		m.conn.reply(7, nil)
		synctest.Wait()
		if n := m.conn.node.counters.unsolicited.Load(); n != 1 || len(w.peers[0].got) != 0 {
			t.Errorf("%d are counted, and %d frames were sent", n, len(w.peers[0].got))
		}
	})
}

// TestLostAfterItLeft: a conn that is lost when its slot has another one says nothing of the
// peer; the only one does, unless the peer has answered.
func TestLostAfterItLeft(t *testing.T) {
	for name, row := range map[string]struct {
		another bool
		want    standing
	}{"it was the only one": {false, peerDoubted}, "another is up": {true, peerMet}} {
		withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
			m := w.mustGet(t.Context())
			defer m.Close()
			w.mustWrite(m, 1)
			synctest.Wait()
			c := m.conn
			c.drain(ReasonRetired, nil)
			if row.another {
				defer w.mustGet(t.Context()).Close()
			}
			c.close(ReasonConnLost, ErrConnLost)
			c.node.mu.Lock()
			defer c.node.mu.Unlock()
			if got := c.node.peer; got != row.want {
				t.Errorf("%s: the peer is %v, want %v", name, got, row.want)
			}
		})
	}
}

// TestFeatures: a peer has what it says, and all of it.
func TestFeatures(t *testing.T) {
	for _, row := range []struct {
		f, other Features
		has      bool
	}{{0, 0, true}, {0, 1, false}, {1, 0, true}, {1, 1, true}, {1, 2, false}, {3, 1, true}, {1, 3, false}, {3, 3, true}} {
		if got := row.f.Has(row.other); got != row.has {
			t.Errorf("%b has %b: %v", row.f, row.other, got)
		}
	}
}

// TestWhatIsQueuedIsShown: frames that the peer does not take are in the conn's figures.
func TestWhatIsQueuedIsShown(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		w.dials = 3 // a peer that reads nothing
		for range 3 {
			m := w.mustGet(t.Context())
			defer m.Close()
			w.mustWrite(m, 1)
			synctest.Wait() // the first is under way, and the others wait for it
		}
		c := w.pool.Stats().Nodes[0].Conns[0]
		if c.QueuedFrames != 2 || c.QueuedBytes != 2*worldLen {
			t.Errorf("%d frames of %d bytes are queued", c.QueuedFrames, c.QueuedBytes)
		}
	})
}
