package muxpool_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// dropWithin is how long a silent connection may stay in use.
const dropWithin = 3500 * time.Millisecond

func TestFault_BlackHole(t *testing.T) {
	for name, parser := range map[string]muxpool.FrameParser{"keepalive": alive{}, "no keepalive": muxtest.Parser{}} {
		t.Run(name, func(t *testing.T) {
			both(t, setup{parser: parser}, func(w *world) {
				dark, bright := w.twoConns()
				w.victim.Do(muxtest.OnConn(dark.Index, muxtest.Drop, muxtest.Echo))
				before := dark.Received()
				start := time.Now()
				stop := w.retry(4, 10*time.Millisecond, 500*time.Millisecond)
				w.until(dropWithin, "the silent connection is dropped", dark.ended)
				stop()
				w.Logf("dropped after %v", time.Since(start))
				lost := dark.Received() - before
				if failed := len(w.tally.Errors()); failed == 0 || failed > lost {
					w.Errorf("%d calls failed, %d were on the silent connection", failed, lost)
				}
				for _, err := range w.tally.Errors() {
					if !isTimeout(err) && !errors.Is(err, muxpool.ErrStalled) && !errors.Is(err, muxpool.ErrKeepAliveTimeout) {
						w.Fatal("on the silent connection: ", err)
					}
				}
				if bright.ended() {
					w.Error("the sibling was dropped too")
				}
				if failed := w.calls(100, time.Second).land(); len(failed) > 0 {
					w.Error("after the drop: ", failed[0])
				}
			})
		})
	}
}

// link is a connection of the victim, with what the tests ask of it.
type link struct{ *muxtest.Conn }

func (l link) ended() bool {
	select {
	case <-l.Done():
		return true
	default:
		return false
	}
}

// twoConns waits until the node has both connections.
func (w *world) twoConns() (first, second link) {
	w.Helper()
	if err := w.call(); err != nil {
		w.Fatal(err)
	}
	w.until(time.Second, "both connections up", func() bool {
		return len(w.node().Conns) == 2 && len(w.victim.Conns()) == 2
	})
	all := w.victim.Conns()
	return link{all[0]}, link{all[1]}
}

// TestFault_PeerStopped: as SIGSTOP does it, dials succeed and nothing answers.
func TestFault_PeerStopped(t *testing.T) {
	for name, parser := range map[string]muxpool.FrameParser{"keepalive": alive{}, "no keepalive": muxtest.Parser{}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, setup{parser: parser}, func(w *world) {
				first, second := w.twoConns()
				w.victim.Do(muxtest.Drop)
				stop := w.retry(4, 10*time.Millisecond, 500*time.Millisecond)
				w.until(dropWithin, "both connections are dropped", func() bool { return first.ended() && second.ended() })
				time.Sleep(10 * time.Second) // of bubble time: the peer accepts and stays silent
				if ready := len(w.heard(muxpool.NodeReady)); ready != 1 {
					w.Errorf("NodeReady %d times, want once, before the stop: a connect proves nothing", ready)
				}
				w.victim.Do(muxtest.Echo)
				stop()
				w.recovers(time.Second)
				w.until(time.Second, "NodeReady once more", func() bool { return len(w.heard(muxpool.NodeReady)) == 2 })
			})
		})
	}
}

// A full queue waits while a full queue is being written; the peer has read up
// to its buffer before it stopped.
const (
	queueBytes  = 2 * 4 << 20
	queueFrames = 2 * 1024
	peerBuffer  = 32 << 10
	smallFrame  = muxtest.HeaderLen + 10
)

func TestFault_PeerStopsReading(t *testing.T) {
	const size = 64 << 10
	inBubble(t, setup{act: muxtest.StopReading, opts: one}, func(w *world) {
		queued, failed := w.flood(400, size)
		if queued*size > queueBytes+2*size {
			w.Errorf("%d bytes queued, want %d at most", queued*size, queueBytes)
		}
		if len(failed) != 400-queued {
			w.Errorf("%d writes queued and %d failed of 400", queued, len(failed))
		}
		for _, err := range failed {
			if w.failed(err, context.DeadlineExceeded, false); w.Failed() {
				break
			}
		}
		// Progress is looked at when the deadline of a write passes: no progress for
		// 3 s shows after twice that at most.
		w.until(6*time.Second, "the connection is dropped at the write deadline", func() bool { return w.victim.Stats().Open == 0 })
		if down := w.heard(muxpool.ConnDown); len(down) == 0 || down[0].Reason != muxpool.ReasonWriteFailed {
			w.Errorf("events: %v", down)
		}
	})
}

func TestFault_PeerStopsReading_Frames(t *testing.T) {
	inBubble(t, setup{act: muxtest.StopReading, opts: one}, func(w *world) {
		queued, _ := w.flood(5000, 10)
		if queued > queueFrames+peerBuffer/smallFrame+1 {
			w.Errorf("%d frames queued, want %d and what the peer has read at most", queued, queueFrames)
		}
	})
}

func TestFault_PeerStopsReading_DropFull(t *testing.T) {
	opts := append([]muxpool.PoolOption{muxpool.WithDropFull(true)}, one...)
	inBubble(t, setup{act: muxtest.StopReading, opts: opts}, func(w *world) {
		w.within(0, "writes to a full queue", func() {
			queued, failed := w.flood(5000, 10)
			if queued > queueFrames+peerBuffer/smallFrame+1 || len(failed) != 5000-queued {
				w.Errorf("%d queued, %d failed", queued, len(failed))
			}
			for _, err := range failed {
				if w.failed(err, muxpool.ErrSendQueueFull, false); w.Failed() {
					break
				}
			}
		})
	})
}

// flood writes n frames of size bytes from as many MuxConns, within a second,
// and returns how many were queued and the errors of the others.
func (w *world) flood(n, size int) (queued int, failed []error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	f := &flight{errs: make([]error, n)}
	var open sync.WaitGroup
	open.Add(n)
	for i := range n {
		f.wg.Go(func() {
			mc := w.get(ctx)
			defer mc.Close()
			open.Done()
			open.Wait() // all before the first is closed
			f.errs[i] = w.tally.Book(ctx, func() error {
				return mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, size))))
			})
		})
	}
	failed = f.land()
	return n - len(failed), failed
}

// TestFault_SlowWriter: a frame that arrives one byte at a time. Its call ends at
// its context, others go on, and the connection does not wait for the rest
// for ever.
func TestFault_SlowWriter(t *testing.T) {
	both(t, setup{}, func(w *world) {
		slow, bright := w.twoConns()
		w.victim.Do(muxtest.OnConn(slow.Index, muxtest.Trickle(500*time.Millisecond), muxtest.Echo))
		stop := w.retry(4, 10*time.Millisecond, 500*time.Millisecond)
		w.until(2*dropWithin, "the incomplete frame is dropped", slow.ended)
		stop()
		if bright.ended() {
			w.Error("the sibling was dropped too")
		}
		if w.tally.OK() < 10 {
			w.Errorf("only %d calls on the sibling succeeded meanwhile", w.tally.OK())
		}
	})
}

// TestFault_StalledHandshakeOrReconnect: Get, Read, Write and Close end with
// their context, whatever the connection waits for.
func TestFault_StalledHandshakeOrReconnect(t *testing.T) {
	t.Run("handshake", func(t *testing.T) {
		inBubble(t, setup{parser: greeted{}, act: muxtest.Drop}, func(w *world) { w.getsEnd() })
	})
	t.Run("dial", func(t *testing.T) {
		inBubble(t, setup{}, func(w *world) {
			w.victim.OnDial(stalledDial)
			w.getsEnd()
		})
	})
	t.Run("reconnect", func(t *testing.T) {
		inBubble(t, setup{}, func(w *world) {
			hold := w.hold()
			calls := w.calls(10, time.Minute)
			w.until(time.Second, "calls in flight", func() bool { return hold.Len() == 10 })
			w.victim.OnDial(stalledDial)
			w.victim.ResetConns()
			w.within(50*time.Millisecond, "the end of calls in flight", func() { w.allLost(calls, 10) })
			w.settle() // a connection without calls is seen to be lost too
			w.getsEnd()
		})
	})
	t.Run("read, write and close", func(t *testing.T) {
		inBubble(t, setup{act: muxtest.StopReading, opts: one}, func(w *world) {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			w.within(150*time.Millisecond, "Write", func() { w.flood1(ctx) })
			mc := w.get(context.Background())
			w.within(0, "Close", mc.Close)
		})
	})
}

// getsEnd expects Gets with contexts of different lengths, and a cancelled one,
// to end with them.
func (w *world) getsEnd() {
	w.Helper()
	var f flight
	for _, d := range []time.Duration{1, 10, 50, 200} {
		f.wg.Go(func() {
			w.within(d*time.Millisecond+50*time.Millisecond, "Get", func() {
				if err := w.callFor(d * time.Millisecond); err == nil {
					w.Error("a call succeeded")
				} else {
					w.failed(err, context.DeadlineExceeded, false)
				}
			})
		})
	}
	f.land()
	ctx, cancel := context.WithCancel(context.Background())
	f.wg.Go(func() {
		_, err := w.caller.Get(ctx)
		w.failed(err, context.Canceled, false)
	})
	w.settle()
	w.within(50*time.Millisecond, "a cancelled Get", func() { cancel(); f.land() })
}

// flood1 writes until a Write ends with ctx.
func (w *world) flood1(ctx context.Context) {
	w.Helper()
	for {
		mc, err := w.caller.Get(ctx)
		if err == nil {
			err = mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, 32<<10))))
			defer mc.Close()
		}
		if err != nil {
			w.failed(err, context.DeadlineExceeded, false)
			return
		}
	}
}
