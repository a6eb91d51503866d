package muxpool

import (
	"context"
	"errors"
	"io"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// TestIDOfAFailedWriteIsHandedOn: who closes a MuxConn whose Write waits for space
// gives its id to who waits for one.
func TestIDOfAFailedWriteIsHandedOn(t *testing.T) {
	parser := spaceParser{1, 3}
	withWorld(t, parser, []PoolOption{WithConnectNumber(1), WithQueueSize(1)}, func(t *testing.T, w *world) {
		w.dials = 3 // a peer that reads nothing
		var full [3]*muxConn
		written := make(chan error, 1)
		for i := range full {
			full[i] = w.mustGet(context.Background())
			defer full[i].Close()
			if i == 2 {
				go func() { written <- full[2].Write(worldFrame(worldAnswer, full[2].id, 2)) }()
			} else {
				w.mustWrite(full[i], uint32(i))
			}
			synctest.Wait() // the first is being written, the second queued, the third waits
		}
		select {
		case err := <-written:
			t.Fatalf("Write did not wait: %v", err)
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		go func() {
			synctest.Wait()
			full[2].conn.abandon(full[2].call, endUndone, nil) // as Close does, before Write hears of it
			synctest.Wait()
			full[2].Close()
		}()
		w.mustGet(ctx).Close()
		if err := <-written; !errors.Is(err, ErrMuxConnClosed) {
			t.Error(err)
		}
	})
}

// spaceParser has the ids of its choice.
type spaceParser struct{ min, max uint32 }

func (spaceParser) Parse(r io.Reader) (uint32, []byte, error) { return worldParser{}.Parse(r) }

func (p spaceParser) IDSpace() IDSpace { return IDSpace{Min: p.min, Max: p.max} }

// TestUnwriteForgivesItsOwnOnly: a Write that finds its call ended must not free
// the id that somebody else's late answer holds by now.
func TestUnwriteForgivesItsOwnOnly(t *testing.T) {
	withWorld(t, spaceParser{7, 7}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		slow := w.mustGet(context.Background())
		c, cl := slow.conn, slow.enter()
		slow.Close() // when Write was about to begin
		other := w.mustGet(context.Background())
		w.mustWrite(other, 1)
		other.Close()
		cl.writes.Add(1) // Write goes on, finds the call ended,
		c.unwrite(cl)    // and takes back what it did
		slow.leave()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts); err == nil {
			t.Errorf("id %d is handed out while an answer to it is awaited", m.VID())
		}
	})
}

// TestSentIsTrueOfAWriteUnderWay: a call that ends while its Write is at work may
// still be sent, and Read must not say that it will not.
func TestSentIsTrueOfAWriteUnderWay(t *testing.T) {
	for name, end := range map[string]func(*muxConn){
		"timeout": func(m *muxConn) { m.conn.abandon(m.call, endDeadline, context.DeadlineExceeded) },
		"Close":   func(m *muxConn) { m.conn.abandon(m.call, endClosed, ErrMuxConnClosed) },
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				m := w.mustGet(context.Background())
				defer m.Close()
				cl := m.enter()
				defer m.leave()
				cl.writes.Add(1) // as Write does,
				if err := cl.failure(); err != nil {
					t.Fatal(err)
				}
				end(m)
				if err := m.conn.sendStream(cl, worldFrame(worldAnswer, m.id, 1), false); err != nil {
					return // refused, and so not sent
				}
				_, err := m.Read()
				if e := (*Error)(nil); !errors.As(err, &e) || !e.Sent() {
					t.Errorf("the frame is queued, and Read says %v", err)
				}
			})
		})
	}
}

// TestClosedDuringWriteMayBeSent: a Read after Close does not know of a Write that
// is still at work.
func TestClosedDuringWriteMayBeSent(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(context.Background())
		m.enter() // a Write, that has found the call in order
		m.Close()
		_, err := m.Read()
		if e := (*Error)(nil); !errors.As(err, &e) || !e.Sent() {
			t.Errorf("a Write is under way, and Read says %v", err)
		}
		m.leave()
	})
}

// TestEmptyFramesAreBounded: a frame without bytes takes memory too.
func TestEmptyFramesAreBounded(t *testing.T) {
	cl := &call{wake: make(chan struct{}, 1), limit: 64 << 10, conn: &conn{node: &node{opts: &poolOptions{}}}}
	n := 0
	for ; n < 1<<20; n++ {
		if became, _ := cl.deliver([]byte{}, false, false, false); became == overflowed {
			break
		}
	}
	if n > 64<<10 {
		t.Errorf("%d empty frames are kept, with a limit of 64 KiB", n)
	}
	for range n {
		if frame, err := cl.take(); frame == nil || err != nil {
			t.Fatal(frame, err)
		}
	}
	if cl.unread != 0 {
		t.Errorf("%d bytes unread of nothing", cl.unread)
	}
}

// TestKeepAlivesAreCountedEach: two keepalives under way have two answers, and
// the id is nobody else's before the second.
func TestKeepAlivesAreCountedEach(t *testing.T) {
	withWorld(t, oneFreeParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(context.Background())
		defer m.Close()
		m.conn.sendKeepAlive()
		m.conn.sendKeepAlive()
		synctest.Wait()
		ping := w.peers[0].got[0]
		w.peers[0].nc.Write(ping)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		if m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts); err == nil {
			t.Errorf("id %d is handed out, and the peer's answer to the second keepalive is for it", m.VID())
			m.Close()
		}
		w.peers[0].nc.Write(ping)
		w.mustGet(context.Background()).Close()
	})
}

// oneFreeParser has two ids and keepalives that are answered like calls.
type oneFreeParser struct{ worldParser }

func (oneFreeParser) IDSpace() IDSpace { return IDSpace{Max: 1} }

func (oneFreeParser) AppendKeepAlive(dst []byte, id uint32) []byte {
	return append(dst, worldFrame(worldAnswer, id, 0)...)
}

// TestUnsentKeepAliveAsksNobody: a keepalive that found no place in the send queue
// is no reason to expect an answer.
func TestUnsentKeepAliveAsksNobody(t *testing.T) {
	withWorld(t, oneFreeParser{}, []PoolOption{WithConnectNumber(1), WithQueueSize(1), WithWriteTimeout(time.Hour)}, func(t *testing.T, w *world) {
		w.dials = 3
		m := w.mustGet(context.Background())
		defer m.Close()
		w.mustWrite(m, 1)
		synctest.Wait()
		w.mustWrite(m, 2)
		m.conn.sendKeepAlive()
		m.conn.mu.Lock()
		defer m.conn.mu.Unlock()
		if m.conn.health.pinging || m.conn.ids.reserved.len() != 0 {
			t.Errorf("pinging %v, reserved %v", m.conn.health.pinging, m.conn.ids.reserved.young)
		}
	})
}

// TestAnswersDoNotOverflow: a MuxConn that is a stream for very long is owed nothing when
// it is closed.
func TestAnswersDoNotOverflow(t *testing.T) {
	withWorld(t, scarceParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		m.call.answers += math.MaxInt32 // as if so many had been read
		for range 3 {
			m.call.answers++
		}
		if awaited, _ := m.call.balance(); awaited >= 0 {
			t.Errorf("%d answers are awaited of a stream that nothing was asked", awaited)
		}
		m.Close()
	})
}
