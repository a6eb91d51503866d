package muxpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/deadline"
)

// quietOptions are of a pool with one connection that nothing but its calls ends.
func quietOptions(opts ...PoolOption) []PoolOption {
	return append([]PoolOption{WithConnectNumber(1), WithStallTimeout(time.Hour), WithKeepAlive(time.Hour)}, opts...)
}

// embeddedContext is what a middleware may make of a deadline.Context.
type embeddedContext struct{ deadline.Context }

// TestDeadlineContextEndsReads: whatever ends a deadline.Context ends the Read at
// that moment, on a quiet connection and on a busy one, where a Read notices the
// cancellation of another's context later.
func TestDeadlineContextEndsReads(t *testing.T) {
	const at = 7 * time.Millisecond // no multiple of patienceTick
	cause := errors.New("the cause")
	for name, c := range map[string]struct {
		make func(t *testing.T) (ctx context.Context, end func())
		want error
		late time.Duration // at most, on a busy connection
	}{
		"cancelled": {func(t *testing.T) (context.Context, func()) {
			ctx, cancel := deadline.WithTimeout(context.Background(), time.Minute)
			return ctx, cancel
		}, context.Canceled, 0},
		"cancelled, although somebody asked for Done": {func(t *testing.T) (context.Context, func()) {
			ctx, cancel := deadline.WithTimeout(context.Background(), time.Minute)
			ctx.Done()
			return ctx, cancel
		}, context.Canceled, 0},
		"cancelled, of a cancellable parent": {func(t *testing.T) (context.Context, func()) {
			ctx, cancel := deadline.WithTimeout(t.Context(), time.Minute)
			return ctx, cancel
		}, context.Canceled, 0},
		"what is beneath is cancelled": {func(t *testing.T) (context.Context, func()) {
			below, cancel := deadline.WithTimeout(context.Background(), time.Minute)
			ctx := new(embeddedContext)
			ctx.Init(below, time.Time{})
			return ctx, cancel
		}, context.Canceled, 0},
		"the deadline passes": {func(t *testing.T) (context.Context, func()) {
			ctx, _ := deadline.WithTimeout(t.Context(), at)
			return ctx, func() {}
		}, context.DeadlineExceeded, 0},
		"the deadline beneath passes": {func(t *testing.T) (context.Context, func()) {
			below, _ := deadline.WithTimeout(t.Context(), at)
			ctx, _ := deadline.WithTimeout(below, time.Minute)
			return ctx, func() {}
		}, context.DeadlineExceeded, 0},
		"the parent is cancelled": {func(t *testing.T) (context.Context, func()) {
			parent, cancel := context.WithCancelCause(context.Background())
			ctx, _ := deadline.WithTimeout(parent, time.Minute)
			return ctx, func() { cancel(cause) }
		}, cause, 2 * patienceTick},
		"the parent's deadline passes": {func(t *testing.T) (context.Context, func()) {
			parent, cancel := context.WithTimeout(context.Background(), at)
			t.Cleanup(cancel)
			ctx, _ := deadline.WithTimeout(parent, time.Minute)
			return ctx, func() {}
		}, context.DeadlineExceeded, 0},
	} {
		for _, busy := range []bool{false, true} {
			withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
				if busy {
					for range patientFrom {
						m := w.mustGet(context.Background())
						defer m.Close()
						w.mustWrite(m, 1)
					}
				}
				ctx, end := c.make(t)
				m := w.mustGet(ctx)
				defer m.Close()
				w.mustWrite(m, 2)
				ended := readLater(m)
				time.Sleep(at) // of the bubble's time
				end()
				e := bounded.Receive(t, ended)
				if late := e.after - at; late > 0 && !(busy && late <= c.late) || late < 0 || !errors.Is(e.err, c.want) {
					t.Errorf("%s, busy %v: Read ended after %v with %v, want %v after %v", name, busy, e.after, e.err, c.want, at)
				}
				if !errors.Is(c.want, context.Cause(ctx)) {
					t.Errorf("%s, busy %v: the context says %v, cause %v", name, busy, ctx.Err(), context.Cause(ctx))
				}
			})
		}
	}
}

// TestContextIsDueWhenItsCallIs: who hears that a call was out of time finds its context so, too, although that
// has got a timer of its own.
func TestContextIsDueWhenItsCallIs(t *testing.T) {
	for range 20 { // which of the timers is first is not told
		withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
			ctx, cancel := deadline.WithTimeout(context.Background(), time.Second)
			defer cancel()
			m := w.mustGet(ctx)
			defer m.Close()
			w.mustWrite(m, 1)
			ctx.Done()
			if e := bounded.Receive(t, readLater(m)); e.after != time.Second || !errors.Is(e.err, context.DeadlineExceeded) || ctx.Err() != context.DeadlineExceeded {
				t.Errorf("Read ended after %v with %v, the context says %v", e.after, e.err, ctx.Err())
			}
		})
	}
}

// TestDeadlineContextOfManyCalls: calls may share a deadline.Context, and Reads a
// MuxConn.
func TestDeadlineContextOfManyCalls(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		ctx, cancel := deadline.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var ends []<-chan readEnd
		for range 3 {
			m := w.mustGet(ctx)
			defer m.Close()
			w.mustWrite(m, 1)
			ends = append(ends, readLater(m), readLater(m))
		}
		answered := w.mustGet(ctx)
		defer answered.Close()
		w.mustWrite(answered, 2)
		end := readLater(answered)
		synctest.Wait()
		w.mustAnswer(answered)
		if e := bounded.Receive(t, end); e.err != nil {
			t.Errorf("the call that was answered: %v", e.err)
		}
		cancel()
		for _, end := range ends {
			if e := bounded.Receive(t, end); e.after != 0 || !errors.Is(e.err, context.Canceled) {
				t.Errorf("Read ended %v later with %v", e.after, e.err)
			}
		}
		if c, wake := deadline.Of(ctx), make(chan struct{}, 1); !c.Watch(&wake) {
			t.Error("no Read is at work, and one still watches")
		} else {
			c.Unwatch()
		}
		if _, err := answered.Read(); !errors.Is(err, context.Canceled) {
			t.Errorf("Read after the end: %v", err)
		}
		if err := answered.Write(worldFrame(worldAnswer, answered.id, 3)); !errors.Is(err, context.Canceled) {
			t.Errorf("Write after the end: %v", err)
		}
	})
}

// TestDeadlineContextEndsWaits: for a connection, and for space to write.
func TestDeadlineContextEndsWaits(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(WithMaxVirConnsPerConn(1)), func(t *testing.T, w *world) {
		m := w.mustGet(context.Background())
		defer m.Close()
		for _, cancelled := range []bool{false, true} {
			begin := time.Now()
			ctx, cancel := deadline.WithTimeout(context.Background(), time.Second)
			want := context.DeadlineExceeded
			if cancelled {
				want = context.Canceled
				time.AfterFunc(time.Second/2, cancel)
			}
			_, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts)
			if d := time.Since(begin); !errors.Is(err, want) || d != time.Second && !cancelled || d != time.Second/2 && cancelled {
				t.Errorf("Get ended after %v with %v, want %v", d, err, want)
			}
			if cancel(); ctx.Err() != want {
				t.Errorf("the context says %v, want %v", ctx.Err(), want)
			}
		}
	})
	withWorld(t, worldParser{}, quietOptions(WithQueueSize(1), WithWriteTimeout(time.Hour)), func(t *testing.T, w *world) {
		w.dials = 3 // a peer that does not read
		for _, cancelled := range []bool{false, true} {
			ctx, cancel := deadline.WithTimeout(context.Background(), time.Second)
			want := context.DeadlineExceeded
			if cancelled {
				want = context.Canceled
				time.AfterFunc(time.Second/2, cancel)
			}
			m := w.mustGet(ctx)
			begin := time.Now()
			var err error
			for err == nil {
				err = m.Write(worldFrame(worldAnswer, m.id, 1))
			}
			if d := time.Since(begin); !errors.Is(err, want) || d > time.Second {
				t.Errorf("Write ended after %v with %v, want %v", d, err, want)
			}
			if cancel(); ctx.Err() != want {
				t.Errorf("the context says %v, want %v", ctx.Err(), want)
			}
			m.Close()
		}
	})
}

// TestDeadlineThatHasPassed: nothing is sent after the deadline, however it is given.
func TestDeadlineThatHasPassed(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		defer w.mustGet(context.Background()).Close() // the connection is up
		past := time.Now()
		time.Sleep(time.Millisecond) // of the bubble's time
		gone, cancel := deadline.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		time.Sleep(time.Millisecond)
		cancelled, cancel := deadline.WithTimeout(context.Background(), time.Minute)
		cancel()
		for name, c := range map[string]struct {
			ctx  context.Context
			at   time.Time
			want error
		}{
			"WithDeadline":      {context.Background(), past, context.DeadlineExceeded},
			"deadline.Context":  {gone, time.Time{}, context.DeadlineExceeded},
			"a cancelled one":   {cancelled, time.Time{}, context.Canceled},
			"both, and earlier": {gone, time.Now().Add(time.Hour), context.DeadlineExceeded},
			"WithDeadline, now": {context.Background(), time.Now(), context.DeadlineExceeded},
		} {
			opts := w.opts
			opts.WithDeadline(c.at)
			m, err := w.pool.GetMuxConn(c.ctx, "tcp", "peer:1", opts)
			if e := (*Error)(nil); m != nil || !errors.Is(err, c.want) || !errors.As(err, &e) || e.Sent() {
				t.Errorf("%s: %v, %v", name, m, err)
			}
		}
		if n := w.pool.Stats().Waits; n != 1 {
			t.Errorf("%d Gets have waited, want the first, for its connection", n)
		}
	})
}

// TestLossLongBeforeTheDeadline: a Read whose connection is lost ends at once, and its context goes on.
func TestLossLongBeforeTheDeadline(t *testing.T) {
	for name, asked := range map[string]bool{"nobody has asked for Done": false, "somebody has": true} {
		withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
			ctx, cancel := deadline.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if asked {
				ctx.Done()
			}
			m := w.mustGet(ctx)
			defer m.Close()
			w.mustWrite(m, 1)
			end := readLater(m)
			synctest.Wait()
			w.peers[0].nc.Close()
			if e := bounded.Receive(t, end); e.after != 0 || !errors.Is(e.err, ErrConnLost) || ctx.Err() != nil {
				t.Errorf("%s: Read ended after %v with %v, the context says %v", name, e.after, e.err, ctx.Err())
			}
		})
	}
}

// TestContextWithoutADeadline: one of package deadline leaves that of the options alone.
func TestContextWithoutADeadline(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		ctx, cancel := deadline.WithDeadline(context.Background(), time.Time{})
		defer cancel()
		m := w.mustGet(ctx, func(o *GetOptions) { o.WithTimeout(time.Second) })
		defer m.Close()
		w.mustWrite(m, 1)
		if e := bounded.Receive(t, readLater(m)); e.after != time.Second || !errors.Is(e.err, context.DeadlineExceeded) {
			t.Errorf("Read ended after %v with %v", e.after, e.err)
		}
	})
}

// TestEarliestDeadlineCounts, of the options and the context.
func TestEarliestDeadlineCounts(t *testing.T) {
	const early, late = time.Second, time.Minute
	for i := range 3 {
		in := [3]time.Duration{late, late, late}
		in[i] = early
		withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
			ctx, cancel := deadline.WithTimeout(context.Background(), in[0])
			defer cancel()
			m := w.mustGet(ctx, func(o *GetOptions) {
				o.WithTimeout(in[1])
				o.WithDeadline(time.Now().Add(in[2]))
			})
			defer m.Close()
			w.mustWrite(m, 1)
			if e := bounded.Receive(t, readLater(m)); e.after != early || !errors.Is(e.err, context.DeadlineExceeded) {
				t.Errorf("%v: Read ended after %v with %v", in, e.after, e.err)
			}
		})
	}
}
