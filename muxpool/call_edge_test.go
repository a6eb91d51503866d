package muxpool

import (
	"context"
	"errors"
	"io"
	"math"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/wire"
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
		if err := bounded.Receive(t, written); !errors.Is(err, ErrMuxConnClosed) {
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

// TestCallIsNewWhenItIsReused: nothing of its last life is left, but for what a Get sets in any case.
func TestCallIsNewWhenItIsReused(t *testing.T) {
	set := map[string]bool{"wake": true, "id": true, "limit": true, // by newCall
		"live": true, "why": true, "patience": true, "tentative": true, "mu": true} // or over with its life
	var cl call
	v := reflect.ValueOf(&cl).Elem()
	each := func(f func(name string, field reflect.Value)) {
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; !set[name] {
				f(name, reflect.NewAt(v.Field(i).Type(), v.Field(i).Addr().UnsafePointer()).Elem())
			}
		}
	}
	each(func(name string, field reflect.Value) {
		switch p := field.Addr().Interface().(type) {
		case *context.Context:
			*p = t.Context()
		case *error:
			*p = ErrConnLost
		case *func() bool:
			*p = func() bool { return true }
		case *time.Time:
			*p = time.Now()
		case *atomic.Int64:
			p.Store(1)
		case *atomic.Bool:
			p.Store(true)
		case *wire.Mark:
			p.Set(1)
			p.Seal()
		default:
			switch field.Kind() {
			case reflect.Bool:
				field.SetBool(true)
			case reflect.Pointer:
				field.Set(reflect.New(field.Type().Elem()))
			case reflect.Slice:
				field.Set(reflect.MakeSlice(field.Type(), 1, 1))
			case reflect.Chan:
				field.Set(reflect.MakeChan(field.Type(), 1))
			case reflect.Uint64:
				field.SetUint(1)
			default:
				field.SetInt(1)
			}
		}
		if field.IsZero() {
			t.Fatalf("%s is not set", name)
		}
	})
	cl.wake = make(chan struct{}, 1)
	cl.signal()
	cl.reset()
	each(func(name string, field reflect.Value) {
		if !field.IsZero() {
			t.Errorf("%s is left", name)
		}
	})
	if !cl.signal() {
		t.Error("its Read is woken by a signal of its last life")
	}
}

// TestReadAtWorkWhenItIsClosed: a Read that has begun before Close, and looks after it, finds that it is closed
// and nothing else, whatever has come or had ended the call before.
func TestReadAtWorkWhenItIsClosed(t *testing.T) {
	for name, before := range map[string]func(w *world, m *muxConn){
		"an answer is unread": func(w *world, m *muxConn) { w.mustAnswer(m) },
		"its time was over":   func(*world, *muxConn) { time.Sleep(2 * time.Minute) }, // of bubble time
		"both": func(w *world, m *muxConn) {
			w.mustAnswer(m)
			time.Sleep(2 * time.Minute) // likewise
		},
		"it had too much unread": func(w *world, m *muxConn) {
			m.conn.mu.Lock()
			defer m.conn.mu.Unlock()
			m.conn.end(m.call, endOverflow, ErrRecvQueueFull)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
				m := w.mustGet(t.Context(), func(o *GetOptions) { o.WithTimeout(time.Minute) })
				w.mustWrite(m, 1)
				cl := m.enter()
				before(w, m)
				synctest.Wait()
				m.Close()
				if frame, err := cl.take(); frame != nil || !errors.Is(err, ErrMuxConnClosed) {
					t.Errorf("it reads %x, %v", frame, err)
				}
				m.leave()
			})
		})
	}
}

// TestDroppedWriteAsksForNothing: nor does it take anything from what is asked later.
func TestDroppedWriteAsksForNothing(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(WithQueueSize(1), WithDropFull(true)), func(t *testing.T, w *world) {
		w.dials = 3 // a peer that reads nothing
		for range 2 {
			other := w.mustGet(t.Context())
			defer other.Close()
			w.mustWrite(other, 1)
			synctest.Wait() // the first is being written, the second queued
		}
		m := w.mustGet(t.Context())
		for range 3 {
			if err := m.Write(worldFrame(worldAnswer, m.id, 1)); !errors.Is(err, ErrSendQueueFull) {
				t.Fatalf("Write: %v", err)
			}
		}
		go io.Copy(io.Discard, w.peers[0].nc)
		synctest.Wait()
		w.mustWrite(m, 2)
		m.Close()
		if got := w.idOf(m.conn, m.id); got != "reserved for 1" {
			t.Errorf("the id is %s", got)
		}
	})
}

// TestOneAnswerTooMany: of a protocol that does not tell the last frame of an answer, what nobody has read is a
// duplicate once its call is closed.
func TestOneAnswerTooMany(t *testing.T) {
	for answers := range 4 {
		withWorld(t, spaceParser{1, 100}, quietOptions(), func(t *testing.T, w *world) {
			m := w.mustGet(t.Context())
			w.mustWrite(m, 1)
			for range answers {
				w.mustAnswer(m)
			}
			synctest.Wait()
			m.Close()
			if n := w.pool.Stats().Duplicate; n != uint64(max(0, answers-1)) {
				t.Errorf("%d answers to one request, %d duplicates", answers, n)
			}
		})
	}
}

// TestProofOfACallThatHasEnded: who asks on a connection that was lost meanwhile is told so at once.
func TestProofOfACallThatHasEnded(t *testing.T) {
	withWorld(t, askingParser{}, quietOptions(), func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.peers[0].nc.Close()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := m.prove(ctx); !errors.Is(err, ErrConnLost) || time.Since(begin) != 0 {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		if _, err := m.ping(ctx); !errors.Is(err, ErrConnLost) || time.Since(begin) != 0 {
			t.Errorf("after %v: %v", time.Since(begin), err)
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
