package muxpool

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inRig plays a script in a bubble, and then f.
func inRig(t *testing.T, opts []PoolOption, script string, f func(r *slotRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newSlotRig(t, opts)
		defer r.end()
		for _, step := range strings.Split(script, ", ") {
			r.play(step)
		}
		f(r)
	})
}

// place returns the number of the connection, from 1, that a Get with these options is put on.
func (r *slotRig) place(set func(*GetOptions)) (placed int, m *muxConn) {
	r.t.Helper()
	opts := NewGetOptions()
	opts.WithFrameParser(r.parser)
	set(&opts)
	got, err := r.pool.GetMuxConn(r.ctx, r.network, "peer:1", opts)
	if err != nil {
		r.t.Fatal(err)
	}
	m = got.(*muxConn)
	for i, p := range r.pipes {
		if m.conn.nc == p.ours {
			placed = i + 1
		}
	}
	return placed, m
}

// TestBulkIsApart: of three connections the last is the bulk one. Who asks for it gets it
// however many calls are there, until it is full; who does not, never; nor who has an id of
// his own.
func TestBulkIsApart(t *testing.T) {
	inRig(t, conns(2, WithMaxVirConnsPerConn(3)), "get, accept, accept, bulk, accept", func(r *slotRig) {
		bulk := func(o *GetOptions) { o.WithBulk(true) }
		own := func(o *GetOptions) { // an id that nobody has: ids begin anywhere
			for id := uint32(6); ; id++ { // the protocol has 3 to 10, less 5
				if r.conn(1).ids.live.find(id) == nil && r.conn(2).ids.live.find(id) == nil {
					o.WithBulk(true)
					o.WithVID(id)
					return
				}
			}
		}
		for _, row := range []struct {
			name string
			set  func(*GetOptions)
			bulk bool
		}{
			{"small, while the bulk one is the emptiest", func(*GetOptions) {}, false},
			{"small, the second", func(*GetOptions) {}, false},
			{"bulk", bulk, true},
			{"bulk, the second", bulk, true},
			{"an id of its own", own, false},
			{"asked for, and not", func(o *GetOptions) { o.WithBulk(true); o.WithBulk(false) }, false},
			{"bulk, the third", bulk, true},
			{"bulk, which is full", bulk, false},
		} {
			if placed, m := r.place(row.set); (placed == 3) != row.bulk {
				t.Errorf("%s: on connection %d", row.name, placed)
			} else {
				r.request(m)
			}
		}
		r.play("end")
	})
}

// TestBulkIsNotWanted where nobody can use it: on a node that is let go of, though its connections are up
// still, and on one that has none.
func TestBulkIsNotWanted(t *testing.T) {
	for name, end := range map[string]func(r *slotRig, n *node){
		"let go of": func(_ *slotRig, n *node) { n.shut(errForgotten) },
		"not up":    func(r *slotRig, _ *node) { r.play("close 1") },
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, conns(1), "get, accept", func(r *slotRig) {
				n := r.node()
				end(r, n)
				n.wantBulk()
				synctest.Wait()
				if got := n.counters.dials.Load(); got != 1 {
					t.Errorf("%d dials, want the first alone", got)
				}
			})
		})
	}
}

// TestBulkCancelFollowsItsCall: what a caller says as it leaves goes to where its request
// went, though the bulk connection takes no calls any more.
func TestBulkCancelFollowsItsCall(t *testing.T) {
	for name, leave := range map[string]func(m *muxConn){
		"a frame":   func(m *muxConn) { m.CloseWith(worldFrame(worldAlive, m.id, 0)) },
		"a request": func(m *muxConn) { m.CloseWithRequest(func(id uint32) []byte { return worldFrame(worldAlive, id, 0) }) },
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, conns(1), "get, accept, bulk, accept, frame 2", func(r *slotRig) {
				_, m := r.place(func(o *GetOptions) { o.WithBulk(true) })
				r.request(m)
				other := r.conn(1)
				r.play("leave 2") // and the next bulk call has a new connection
				r.play("bulk")
				r.play("accept")
				before, others := m.conn.traffic().BytesWritten, other.traffic().BytesWritten
				leave(m)
				synctest.Wait()
				if n := m.conn.traffic().BytesWritten - before; n != worldLen || other.traffic().BytesWritten != others {
					t.Errorf("%d bytes went out on its connection, %d on the other", n, other.traffic().BytesWritten-others)
				}
			})
		})
	}
}

// TestBulkIsDropped: with its node, after its last call.
func TestBulkIsDropped(t *testing.T) {
	inRig(t, conns(1), "get, accept, bulk, accept, call 2", func(r *slotRig) {
		r.pool.Drop(Node{"tcp", "peer:1"})
		synctest.Wait()
		if s := r.pool.Stats(); len(s.Nodes) != 1 || len(s.Nodes[0].Conns) != 1 || !s.Nodes[0].Conns[0].Bulk {
			t.Errorf("before its call has ended: %+v", s.Nodes)
		}
		r.play("end")
		if s := r.pool.Stats(); len(s.Nodes) != 0 || s.ConnsClosed.By(ReasonDropped) != 2 {
			t.Errorf("after it: %+v", s)
		}
		if got, want := r.events(), "up ready bulk up down(dropped) bulk down(dropped)"; got != want {
			t.Errorf("told %q, not %q", got, want)
		}
	})
}

// TestCloseIdleClosesBulk: it, too, if no call is on it.
func TestCloseIdleClosesBulk(t *testing.T) {
	inRig(t, conns(1), "get, accept, bulk, accept, call 1", func(r *slotRig) {
		r.pool.CloseIdle()
		synctest.Wait()
		if got, want := r.String(), "ready: bulk empty 1, up 1; dials 2"; got != want {
			t.Errorf("got %q, not %q", got, want)
		}
	})
}

// TestOldBulkJustGoes: the others are replaced; it is not, as nobody may need it.
func TestOldBulkJustGoes(t *testing.T) {
	opts := conns(1, WithMaxConnAge(10*time.Minute), WithIdleTimeout(time.Hour))
	inRig(t, opts, "get, accept, frame 1, bulk, accept, frame 2, call 2, 11m30s", func(r *slotRig) {
		if got, want := r.String(), "ready: bulk empty, renewing; dials 3"; got != want {
			t.Errorf("got %q, not %q", got, want)
		}
		if err := r.calls[0].call.failure(); err != nil {
			t.Errorf("the call on it: %v", err)
		}
		r.play("bulk")
		if got, want := r.String(), "ready: bulk dialing, renewing; dials 4"; got != want {
			t.Errorf("asked for: %q, not %q", got, want)
		}
	})
}

// TestBulkStats: what has passed on bulk connections is told, while they live and after.
func TestBulkStats(t *testing.T) {
	inRig(t, conns(1), "get, accept, bulk, accept, call 1, call 2, call 2", func(r *slotRig) {
		check := func(when string) {
			t.Helper()
			s := r.pool.Stats()
			if b := s.Bulk; b.Calls.Started != 2 || b.BytesWritten != 2*worldLen {
				t.Errorf("%s: on bulk connections %+v", when, b)
			}
			// With the Gets that found the connections up: the first, and the one that asked for the other.
			if s.Calls.Started != 5 || s.BytesWritten != 3*worldLen {
				t.Errorf("%s: on all %+v", when, s.Traffic)
			}
		}
		check("alive")
		r.play("close 2")
		check("ended")
		r.pool.Drop(Node{"tcp", "peer:1"})
		r.play("end")
		check("forgotten")
	})
}
