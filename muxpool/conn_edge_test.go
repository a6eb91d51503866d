package muxpool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
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
		defer w.mustGet(t.Context()).Close()
		c.close(ReasonWriteFailed, ErrConnLost) // and ends that call
		if !c.hungUp() {
			t.Error("a closed conn has not hung up")
		}
	})
}

// TestTimersAreWaitedFor: what a timer of a conn's runs is counted among what the pool waits for at its end, and
// nothing is run once the conn has ended.
func TestTimersAreWaitedFor(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		count := func() int64 { return w.pool.running.n.Load() }
		synctest.Wait() // until who has dialed is done
		before, during := count(), int64(0)
		m.conn.timed(func() { during = count() })
		if during != before+1 || count() != before {
			t.Errorf("%d goroutines are counted before, %d meanwhile, %d after it", before, during, count())
		}
		m.conn.close(ReasonConnLost, ErrConnLost)
		synctest.Wait()
		before = count()
		m.conn.timed(func() { t.Error("it runs on a conn that has ended") })
		if count() != before {
			t.Errorf("%d goroutines are counted, %d before", count(), before)
		}
	})
}

// TestVacatedConn: one that its peer has closed goes, as an idle one that the peer closed, unless somebody else
// is on it.
func TestVacatedConn(t *testing.T) {
	for name, others := range map[string]int{"nobody is on it": 0, "one is": 1} {
		withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
			w.mustGet(t.Context()).Close()
			var told []Event
			w.pool.Subscribe(func(e Event) { told = append(told, e) })
			n := w.node()
			for range others {
				defer w.mustGet(t.Context()).Close()
			}
			cl := w.pool.newCall(t.Context(), &w.opts)
			if ok, err := n.tryOpen(cl); !ok {
				t.Fatal("there is no place", err)
			}
			cl.conn.vacate(cl)
			synctest.Wait()
			if others > 0 {
				if len(told) != 0 || len(n.conns()) != 1 {
					t.Errorf("%s: told %v, %d connections are left", name, told, len(n.conns()))
				}
				return
			}
			if len(told) != 1 || told[0].Kind != ConnDown || told[0].Reason != ReasonPeerClosed || len(n.conns()) != 0 {
				t.Fatalf("%s: told %v, %d connections are left", name, told, len(n.conns()))
			}
			if err := told[0].Err; !errors.Is(err, ErrConnLost) || !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "while idle") {
				t.Errorf("%s: it ended with %v", name, err)
			}
		})
	}
}

// TestEndOfAConnThatDrains: what it was drained for is why it ends, and what is new of that in the end is told, too.
func TestEndOfAConnThatDrains(t *testing.T) {
	write := func(err error) error { return writerError(os.NewSyscallError("write", err)) }
	read := func(err error) error { return because(ErrConnLost, os.NewSyscallError("read", err)) }
	for _, row := range []struct {
		before, end error
		reason      Reason
		said        string
	}{
		{nil, read(syscall.ECONNRESET), ReasonConnLost, "muxpool: connection lost: read: connection reset by peer"},
		{write(syscall.EPIPE), read(syscall.EPIPE), ReasonWriteFailed, "muxpool: connection lost: write: broken pipe"},
		{write(syscall.EPIPE), read(syscall.ECONNRESET), ReasonWriteFailed, "muxpool: connection lost: write: broken pipe; read: connection reset by peer"},
		{write(syscall.EPIPE), nil, ReasonWriteFailed, "muxpool: connection lost: write: broken pipe"},
		{nil, nil, ReasonConnLost, "muxpool: connection lost: conn lost"},
	} {
		withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
			var told Event
			w.pool.Subscribe(func(e Event) {
				if e.Kind == ConnDown {
					told = e
				}
			})
			m := w.mustGet(t.Context())
			defer m.Close()
			w.mustWrite(m, 1)
			synctest.Wait()
			m.conn.drain(ReasonWriteFailed, row.before)
			m.conn.close(ReasonConnLost, row.end)
			synctest.Wait()
			if told.Err == nil || told.Err.Error() != row.said || told.Reason != row.reason {
				t.Errorf("drained with %v, ended with %v: told %v, %v; want %v, %s", row.before, row.end, told.Reason, told.Err, row.reason, row.said)
			}
		})
	}
}

// TestClosedConnKeepsNothing: who keeps a MuxConn of a conn that has ended keeps neither its timers nor its ids.
func TestClosedConnKeepsNothing(t *testing.T) {
	withWorld(t, scarceParser{}, quietOptions(), func(t *testing.T, w *world) {
		stays := w.mustGet(t.Context(), func(o *GetOptions) { o.WithTimeout(time.Hour) })
		defer stays.Close()
		for i := range uint32(6) { // of 7 ids
			m := w.mustGet(t.Context())
			if i > 0 {
				w.mustWrite(m, 1)
			}
			m.Close()
		}
		c := stays.conn
		c.mu.Lock()
		c.startTick() // as a Read does on a busy conn
		kept := c.ids.live.len() > 0 && c.ids.reserved.len() > 0 && len(c.ids.freed) > 0
		c.mu.Unlock()
		if !kept {
			t.Fatalf("%d ids are live, %d reserved, %d free", c.ids.live.len(), c.ids.reserved.len(), len(c.ids.freed))
		}
		c.close(ReasonConnLost, ErrConnLost)
		c.mu.Lock()
		defer c.mu.Unlock()
		for name, timer := range map[string]*time.Timer{"the deadlines'": c.deadlines.timer, "its health's": c.health.timer, "its patience's": c.patience.timer} {
			if timer.Stop() {
				t.Errorf("%s timer is set", name)
			}
		}
		if c.ids.live.slots != nil || c.ids.freed != nil || c.ids.listed != nil || c.ids.reserved.len() != 0 {
			t.Errorf("ids are kept: %+v", &c.ids)
		}
	})
}

// TestForgottenCallMakesRoom, at once where it can be foreseen that others wait: of a protocol with few ids, and of
// a pool with few calls on a connection, be it one.
func TestForgottenCallMakesRoom(t *testing.T) {
	for name, row := range map[string]struct {
		parser FrameParser
		most   int // calls on a connection; 0: any number
	}{"few ids": {pairParser{}, 0}, "one call": {worldParser{}, 1}, "two calls": {worldParser{}, 2}} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, row.parser, quietOptions(WithMaxVirConnsPerConn(row.most)), func(t *testing.T, w *world) {
				ctx, cancel := context.WithCancel(t.Context())
				var forgotten []*muxConn
				for range cmp.Or(row.most, 2) {
					m := w.mustGet(ctx)
					defer m.Close()
					forgotten = append(forgotten, m)
				}
				got := make(chan *muxConn, 1)
				go func() { got <- w.mustGet(t.Context()) }()
				synctest.Wait()
				if len(got) > 0 {
					t.Fatal("there was room")
				}
				cancel()
				synctest.Wait()
				if len(got) == 0 {
					t.Fatal("a Get waits, and nobody waits for the calls that are there")
				}
				defer bounded.Receive(t, got).Close()
				for _, m := range forgotten {
					if _, err := m.Read(); !errors.Is(err, context.Canceled) {
						t.Errorf("a call that was forgotten: %v", err)
					}
				}
			})
		})
	}
}

// endlessContext ends never, and counts who waits for that nevertheless.
type endlessContext struct {
	context.Context
	waiting atomic.Int32
}

func (*endlessContext) Done() <-chan struct{} { return make(chan struct{}) }
func (*endlessContext) Value(any) any         { return nil }

func (c *endlessContext) AfterFunc(func()) (stop func() bool) {
	c.waiting.Add(1)
	return func() bool { return c.waiting.Add(-1) == 0 }
}

// TestClosedCallsLeaveTheirContext: one that lives for long is not tied to each call that was made with it.
func TestClosedCallsLeaveTheirContext(t *testing.T) {
	withWorld(t, pairParser{}, quietOptions(), func(t *testing.T, w *world) {
		ctx := &endlessContext{Context: t.Context()}
		for range 3 {
			m := w.mustGet(ctx)
			if n := ctx.waiting.Load(); n != 1 {
				t.Errorf("%d wait for the context's end, want the call", n)
			}
			m.Close()
			if n := ctx.waiting.Load(); n != 0 {
				t.Errorf("%d wait for the context's end, and its call is closed", n)
			}
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
		if n := w.pool.Stats().Malformed; n != 0 {
			t.Errorf("%d datagrams are counted as malformed", n)
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
