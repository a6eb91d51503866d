package muxpool

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestWaitersQueue compares the queue with a slice.
func TestWaitersQueue(t *testing.T) {
	var q waiters
	var want, left []*waiter
	for range 10000 {
		switch n := len(want); rand.N(3) {
		case 0, 1:
			w := new(waiter)
			q.add(w)
			want = append(want, w)
		case 2:
			if n > 0 {
				i := rand.N(n)
				left = append(left, want[i])
				if !q.remove(want[i]) {
					t.Fatal("a waiter that is in the queue cannot leave it")
				}
				want = slices.Delete(want, i, i+1)
			}
		}
		if len(left) > 0 && q.remove(left[rand.N(len(left))]) {
			t.Fatal("a waiter has left twice")
		}
	}
	for i, w := range want {
		if q.n != len(want)-i || q.first != w {
			t.Fatalf("waiter %d of %d is not where it was", i, len(want))
		}
		q.remove(w)
	}
	if q != (waiters{}) {
		t.Errorf("something is left: %+v", q)
	}
}

// TestLeavingLooksAtNoOthers: who leaves is taken out by its neighbours. The queue is not gone
// through for it: here that leads nowhere, from whichever end.
func TestLeavingLooksAtNoOthers(t *testing.T) {
	var q waiters
	all := make([]*waiter, 9)
	for i := range all {
		all[i] = new(waiter)
		q.add(all[i])
	}
	all[0].next, all[8].prev = nil, nil
	for _, i := range []int{4, 3, 6} {
		if !q.remove(all[i]) || all[i].queued {
			t.Fatalf("waiter %d cannot leave", i)
		}
	}
	if all[2].next != all[5] || all[5].prev != all[2] || all[5].next != all[7] || all[7].prev != all[5] || q.n != 6 {
		t.Errorf("of 9, three have left: %+v", q)
	}
}

// TestManyWaitersLeave: 5000 Gets that leave at the same moment have all left. How many others each
// of them looks at, TestLeavingLooksAtNoOthers tells.
func TestManyWaitersLeave(t *testing.T) {
	const gets = 5000
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithMaxVirConnsPerConn(1)}, func(t *testing.T, w *world) {
		defer w.mustGet(t.Context()).Close()
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, gets)
		for range gets {
			go func() {
				_, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts)
				errs <- err
			}()
		}
		synctest.Wait()
		cancel()
		for range gets {
			if err := bounded.Receive(t, errs); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		for _, n := range w.pool.nodes {
			if n.queue != (waiters{}) || n.waiting.Load() != 0 {
				t.Errorf("%d are in the queue, %d wait", n.queue.n, n.waiting.Load())
			}
		}
	})
}

// TestServingLooksAtFew: who frees a place among very many who wait, be it for any id or for
// one of their own choice, looks at those who get it, and at one more.
func TestServingLooksAtFew(t *testing.T) {
	const gets = 1000
	for name, own := range map[string]bool{"any id": false, "ids of their own": true} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithMaxVirConnsPerConn(1)}, func(t *testing.T, w *world) {
				first := w.mustGet(t.Context())
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				got := make(chan MuxConn, gets)
				for i := range uint32(gets) {
					opts := w.opts
					if own {
						opts.WithVID(i)
					}
					go func() {
						m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", opts)
						if err != nil {
							t.Error(err)
							return
						}
						got <- m
					}()
				}
				synctest.Wait()
				n := w.node()
				first.conn.endLocked(first.call, endUndone, nil) // and nobody is told of the place
				n.mu.Lock()
				looked := n.serve()
				n.mu.Unlock()
				if looked > 2 {
					t.Errorf("%d were looked at for one place", looked)
				}
				first.Close()
				for range gets {
					bounded.Receive(t, got).Close()
				}
			})
		})
	}
}

// TestLeavingWhenItIsServed: who leaves just when he is served gives a place back, and is told what he has been
// served with beside why he leaves, unless that says no more.
func TestLeavingWhenItIsServed(t *testing.T) {
	for name, row := range map[string]struct {
		before func(w *world, n *node)
		own    bool // an id of his own, which is in use
		why    error
		said   string
	}{
		"with a place":            {func(*world, *node) {}, false, context.Canceled, "context canceled"},
		"with the pool's end":     {func(_ *world, n *node) { n.shut(ErrPoolClosed) }, false, context.Canceled, "context canceled; muxpool: pool closed"},
		"with why he leaves":      {func(_ *world, n *node) { n.shut(context.Canceled) }, false, context.Canceled, "context canceled"},
		"with an id that is used": {func(*world, *node) {}, true, context.Canceled, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
				held := w.mustGet(t.Context())
				defer held.Close()
				n, opts := held.conn.node, w.opts
				if row.own {
					opts.WithVID(held.id)
				}
				row.before(w, n)
				waits := &waiter{call: w.pool.newCall(t.Context(), &opts), done: make(chan error, 1)}
				n.waiting.Add(1)
				n.enqueue(waits)
				if err := n.leave(waits, row.why); err == nil || err.Error() != row.said || !errors.Is(err, row.why) {
					t.Errorf("he has left with %v, want %s", err, row.said)
				}
				if got := held.conn.inFlight.Load(); n.waiting.Load() != 0 || got != 1 {
					t.Errorf("%d wait, %d calls are in flight", n.waiting.Load(), got)
				}
			})
		})
	}
}

// TestNobodyWaitsAtAClosedNode: who finds one, with no connection left, is told why at once.
func TestNobodyWaitsAtAClosedNode(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		n, err := w.pool.node(Node{"tcp", "peer:1"}, &w.opts)
		if err != nil {
			t.Fatal(err)
		}
		n.shut(ErrPoolClosed)
		if err := n.place(t.Context(), w.pool.newCall(t.Context(), &w.opts)); err != ErrPoolClosed {
			t.Errorf("got %v", err)
		}
		if k := n.counters.snapshot(); n.waiting.Load() != 0 || k.Waits != 0 || k.Dials != 0 {
			t.Errorf("%d wait, counted %+v", n.waiting.Load(), k)
		}
	})
}

// TestWhatWasWaitedFor: a Get that is out of time says what it has waited for.
func TestWhatWasWaitedFor(t *testing.T) {
	const late = "get tcp://peer:1 (not sent): context deadline exceeded; "
	for name, row := range map[string]struct {
		parser FrameParser
		opts   []PoolOption
		before func(w *world)
		said   string
	}{
		"a connection": {worldParser{}, nil, func(w *world) { w.dials = 2 }, late + "not connected yet"},
		"a connection, since it was lost": {worldParser{}, []PoolOption{WithReconnect(10, time.Hour, time.Hour)}, func(w *world) {
			m := w.mustGet(w.t.Context())
			defer m.Close()
			w.mustWrite(m, 1)
			w.mustAnswer(m)
			synctest.Wait()
			w.dials = 2
			w.peers[0].nc.Close()
			synctest.Wait()
		}, late + "not connected yet: connection lost: EOF"},
		"an id": {pairParser{}, nil, func(w *world) { w.getNow(); w.getNow() }, late + "no id was free on 1 connections"},
		"a place": {worldParser{}, []PoolOption{WithMaxVirConnsPerConn(2)}, func(w *world) { w.getNow(); w.getNow() },
			late + "1 connections were full, at most 2 calls are allowed on each"},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, row.parser, quietOptions(append(row.opts, WithDialTimeout(time.Hour))...), func(t *testing.T, w *world) {
				row.before(w)
				w.opts.WithTimeout(time.Second)
				begin := time.Now()
				_, err := w.pool.GetMuxConn(t.Context(), "tcp", "peer:1", w.opts)
				if err == nil || err.Error() != row.said || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
					t.Errorf("after %v: got %v, want %s", time.Since(begin), err, row.said)
				}
			})
		})
	}
}

// TestTakenIDKeepsNobodyBack: a Get for an id that is in use where there is a place waits
// for it; those behind it take the place.
func TestTakenIDKeepsNobodyBack(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(2), WithMaxVirConnsPerConn(2)}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		get := func(ids ...uint32) <-chan *muxConn {
			opts := w.opts
			for _, id := range ids {
				opts.WithVID(id)
			}
			got := make(chan *muxConn, 1)
			go func() {
				m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", opts)
				if err != nil {
					t.Error(err)
				}
				got <- m.(*muxConn)
			}()
			synctest.Wait()
			return got
		}
		taken, other := bounded.Receive(t, get(1001)), (*muxConn)(nil)
		for id := range uint32(3) { // two connections with two calls each: full
			if m := bounded.Receive(t, get(1002+id)); m.conn == taken.conn {
				other = m
			}
		}
		same := get(taken.VID())
		behind := get()
		other.Close() // a place, where the id is taken
		synctest.Wait()
		select {
		case m := <-behind:
			m.Close()
		default:
			t.Fatal("who came behind waits, though there is a place")
		}
		synctest.Wait()
		if len(same) > 0 {
			t.Fatal("two calls have one id")
		}
		taken.Close()
		bounded.Receive(t, same).Close()
	})
}
