package faulttest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// parsers are one that can ask for a sign of life, and one that cannot.
var parsers = map[string]muxpool.FrameParser{"keepalive": world.Alive{}, "no keepalive": muxtest.Parser{}}

// silences are rows in real time, in which the test waits for the pool to notice a
// silence.
var silences = map[string]func(*testing.T){
	"slow writer": func(t *testing.T) {
		world.OnSockets(t, world.Setup{Beside: true, Notices: true}, slowWriter)
	},
}

func init() {
	for name, parser := range parsers {
		silences["black hole, "+name] = func(t *testing.T) {
			world.OnSockets(t, world.Setup{Parser: parser, Beside: true, Notices: true}, blackHole)
		}
	}
}

// TestFault_SilenceInRealTime runs them at once.
func TestFault_SilenceInRealTime(t *testing.T) {
	if world.Full {
		bounded.Long(t) // many at once
	}
	world.AtOnce(t, silences)
}

func TestFault_BlackHole(t *testing.T) {
	for name, parser := range parsers {
		t.Run(name, func(t *testing.T) { world.InBubble(t, world.Setup{Parser: parser}, blackHole) })
	}
}

// bookedPool books on which connections Reads and Writes failed, by local address.
type bookedPool struct {
	muxpool.Pool
	mu     sync.Mutex
	failed map[string]int
}

func (p *bookedPool) GetMuxConn(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
	mc, err := p.Pool.GetMuxConn(ctx, network, address, opts)
	if err != nil {
		return nil, err
	}
	return bookedConn{mc, p}, nil
}

type bookedConn struct {
	muxpool.MuxConn
	pool *bookedPool
}

func (c bookedConn) Write(b []byte) error { return c.book(c.MuxConn.Write(b)) }

func (c bookedConn) Read() ([]byte, error) {
	b, err := c.MuxConn.Read()
	return b, c.book(err)
}

func (c bookedConn) book(err error) error {
	if err != nil {
		c.pool.mu.Lock()
		defer c.pool.mu.Unlock()
		c.pool.failed[c.LocalAddr().String()]++
	}
	return err
}

func blackHole(w *world.World) {
	dark, bright := w.TwoConns()
	booked := &bookedPool{Pool: w.Caller.Pool, failed: make(map[string]int)}
	w.Caller.Pool = booked
	w.Victim.Do(muxtest.OnConn(dark.Index, muxtest.Drop, muxtest.Echo))
	start := time.Now()
	stop := w.Retry(4, 10*time.Millisecond, 500*time.Millisecond)
	w.Until(world.DropWithin, "the silent connection is dropped", dark.Ended)
	stop()
	w.Logf("dropped after %v", time.Since(start))
	w.Caller.Pool = booked.Pool
	if n := len(booked.failed); n != 1 && !w.RealTime() { // there the machine may be late for some on the sibling
		w.Errorf("calls failed on these connections: %v; want those on the silent one", booked.failed)
	}
	for _, err := range w.Tally.Errors() {
		if !world.IsTimeout(err) && !errors.Is(err, muxpool.ErrStalled) && !errors.Is(err, muxpool.ErrKeepAliveTimeout) {
			w.Fatal("on the silent connection: ", err)
		}
	}
	if bright.Ended() {
		w.Error("the sibling was dropped too")
	}
	if failed := w.Calls(100, time.Second).Land(); len(failed) > 0 {
		w.Error("after the drop: ", failed[0])
	}
}

// TestFault_PeerStopped: as SIGSTOP does it, dials succeed and nothing answers.
func TestFault_PeerStopped(t *testing.T) {
	for name, parser := range parsers {
		t.Run(name, func(t *testing.T) {
			world.InBubble(t, world.Setup{Parser: parser}, func(w *world.World) {
				first, second := w.TwoConns()
				w.Victim.Do(muxtest.Drop)
				stop := w.Retry(4, 10*time.Millisecond, 500*time.Millisecond)
				w.Until(world.DropWithin, "both connections are dropped", func() bool { return first.Ended() && second.Ended() })
				time.Sleep(10 * time.Second) // of bubble time: the peer accepts and stays silent
				if ready := len(w.Heard(muxpool.NodeReady)); ready != 1 {
					w.Errorf("NodeReady %d times, want once, before the stop: a connect proves nothing", ready)
				}
				w.Victim.Do(muxtest.Echo)
				stop()
				w.Recovers(time.Second)
				w.Until(time.Second, "NodeReady once more", func() bool { return len(w.Heard(muxpool.NodeReady)) == 2 })
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
	world.InBubble(t, world.Setup{Act: muxtest.StopReading, Opts: world.OneConn}, func(w *world.World) {
		queued, failed := flood(w, 400, size)
		if queued*size > queueBytes+2*size {
			w.Errorf("%d bytes queued, want %d at most", queued*size, queueBytes)
		}
		if len(failed) != 400-queued {
			w.Errorf("%d writes queued and %d failed of 400", queued, len(failed))
		}
		for _, err := range failed {
			if w.WantError(err, context.DeadlineExceeded, false); w.Failed() {
				break
			}
		}
		// Progress is looked at when the deadline of a write passes: no progress for
		// 3 s shows after twice that at most.
		w.Until(6*time.Second, "the connection is dropped at the write deadline", func() bool { return w.Victim.Stats().Open == 0 })
		if down := w.Heard(muxpool.ConnDown); len(down) == 0 || down[0].Reason != muxpool.ReasonWriteFailed {
			w.Errorf("events: %v", down)
		}
	})
}

func TestFault_PeerStopsReading_Frames(t *testing.T) {
	world.InBubble(t, world.Setup{Act: muxtest.StopReading, Opts: world.OneConn}, func(w *world.World) {
		queued, _ := flood(w, 5000, 10)
		if queued > queueFrames+peerBuffer/smallFrame+1 {
			w.Errorf("%d frames queued, want %d and what the peer has read at most", queued, queueFrames)
		}
	})
}

func TestFault_PeerStopsReading_DropFull(t *testing.T) {
	opts := append([]muxpool.PoolOption{muxpool.WithDropFull(true)}, world.OneConn...)
	world.InBubble(t, world.Setup{Act: muxtest.StopReading, Opts: opts}, func(w *world.World) {
		w.Within(0, "writes to a full queue", func() {
			queued, failed := flood(w, 5000, 10)
			if queued > queueFrames+peerBuffer/smallFrame+1 || len(failed) != 5000-queued {
				w.Errorf("%d queued, %d failed", queued, len(failed))
			}
			for _, err := range failed {
				if w.WantError(err, muxpool.ErrSendQueueFull, false); w.Failed() {
					break
				}
			}
		})
	})
}

// flood writes n frames of size bytes from as many MuxConns, within a second,
// and returns how many were queued and the errors of the others.
func flood(w *world.World, n, size int) (queued int, failed []error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	f := &world.Flight{Errs: make([]error, n)}
	var open sync.WaitGroup
	open.Add(n)
	for i := range n {
		f.WG.Go(func() {
			mc := w.Get(ctx)
			defer mc.Close()
			open.Done()
			open.Wait() // all before the first is closed
			f.Errs[i] = w.Tally.Book(ctx, func() error {
				return mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, size))))
			})
		})
	}
	failed = f.Land()
	return n - len(failed), failed
}

// TestFault_SlowWriter: a frame that arrives one byte at a time. Its call ends at
// its context, others go on, and the connection does not wait for the rest
// for ever.
func TestFault_SlowWriter(t *testing.T) { world.InBubble(t, world.Setup{}, slowWriter) }

func slowWriter(w *world.World) {
	slow, bright := w.TwoConns()
	// No byte comes at the moment of a look, which are 125 ms apart: while it is read the silence is not the peer's.
	w.Victim.Do(muxtest.OnConn(slow.Index, muxtest.Trickle(490*time.Millisecond), muxtest.Echo))
	stop := w.Retry(4, 10*time.Millisecond, 500*time.Millisecond)
	w.Until(2*world.DropWithin, "the incomplete frame is dropped", slow.Ended)
	stop()
	if bright.Ended() {
		w.Error("the sibling was dropped too")
	}
	least := 100
	if w.RealTime() {
		least = 1 // how many, the machine decides: calls wait for their turn on it
	}
	if w.Tally.OK() < least {
		w.Errorf("only %d calls on the sibling succeeded meanwhile, want %d", w.Tally.OK(), least)
	}
}
