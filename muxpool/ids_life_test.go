package muxpool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestIDsUsedUpDespiteHeartbeats: the callers of a protocol with few ids, or of a peer that
// takes few calls, have left without an answer, but for some, and the peer sends signs of
// life. The connection is replaced when
// no id has come back for the stall timeout, and the call that is on it stays there.
func TestIDsUsedUpDespiteHeartbeats(t *testing.T) {
	for _, test := range []struct {
		name   string
		parser FrameParser
		stay   int
	}{
		{"few ids, none stays", scarceParser{}, 0},
		{"few ids, three stay", scarceParser{}, 3},
		{"few calls, none stays", limitedParser{}, 0},
		{"few calls, three stay", limitedParser{}, 3},
		{"few calls, none stays, and the peer is asked for the signs of life", limitedAsking{}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			withWorld(t, test.parser, []PoolOption{WithConnectNumber(1), WithMaxConnsPerHost(1)}, func(t *testing.T, w *world) {
				if _, ok := test.parser.(Settler); ok {
					w.mustGet(t.Context()).Close()
					w.peers[0].nc.Write(worldFrame(worldAlive, 0, limitedCalls))
					synctest.Wait()
				}
				var staying []*muxConn
				for i := range 7 {
					m := w.mustGet(t.Context())
					w.mustWrite(m, 1)
					if i < test.stay {
						staying = append(staying, m)
						defer m.Close()
					} else {
						m.Close()
					}
				}
				done, peer, c := make(chan struct{}), w.peers[0], (*w.node().open.Load())[0]
				_, asks := test.parser.(KeepAliver)
				defer close(done)
				go func() {
					for {
						select {
						case <-time.After(100 * time.Millisecond):
							if asks {
								c.sendKeepAlive()
							}
							peer.nc.Write(worldFrame(worldAlive, 0, 0))
						case <-done:
							return
						}
					}
				}()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				begin := time.Now()
				m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				stall := w.pool.opts.stallTimeout
				if d := time.Since(begin); d != stall {
					t.Errorf("an id was had after %v, want %v", d, stall)
				}
				for _, s := range staying {
					end := readLater(s)
					w.mustAnswer(s)
					if e := bounded.Receive(t, end); e.err != nil {
						t.Errorf("a call that stayed: %v", e.err)
					}
				}
			})
		})
	}
}

// TestForgottenCallsGiveWay: a peer takes seven calls, and as many MuxConns are there whose contexts
// have ended and which nobody closes: who comes then is served.
func TestForgottenCallsGiveWay(t *testing.T) {
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"canceled": context.WithCancel,
		"out of time": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ends := time.Second
			if name == "canceled" {
				ends *= 2
			}
			withWorld(t, limitedParser{}, []PoolOption{WithConnectNumber(1), WithMaxConnsPerHost(1)}, func(t *testing.T, w *world) {
				w.mustGet(t.Context()).Close()
				w.peers[0].nc.Write(worldFrame(worldAlive, 0, limitedCalls))
				synctest.Wait()
				for range limitedCalls {
					ctx, cancel := end(t.Context())
					defer w.mustGet(ctx).Close()
					time.AfterFunc(2*time.Second, cancel)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				begin := time.Now()
				w.mustGet(ctx).Close()
				if d := time.Since(begin); d < ends || d > ends+time.Second {
					t.Errorf("a place was had after %v, want soon after %v, and not before", d, ends)
				}
				k := w.pool.Stats().Calls // of the forgotten ones some may come to their end at the next look
				if (k.Canceled > 0) != (name == "canceled") || (k.TimedOut > 0) == (name == "canceled") {
					t.Errorf("they are counted as %+v", k)
				}
			})
		})
	}
}

// TestForgottenCallStays while nobody waits for its place: its user may read what has come for it.
func TestForgottenCallStays(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		m := w.mustGet(ctx)
		defer m.Close()
		w.mustWrite(m, 1)
		cancel()
		time.Sleep(time.Minute) // of bubble time
		if s := w.pool.Stats(); s.InFlight != 1 || s.Calls.Canceled != 0 {
			t.Errorf("a minute after its end: %d in flight, %+v", s.InFlight, s.Calls)
		}
		w.mustAnswer(m)
		synctest.Wait()
		if frame, err := m.Read(); frame == nil {
			t.Errorf("its answer is lost: %v", err)
		}
	})
}

// TestGrowsWhereIDsRunOut: the ids of a protocol that has few bound its connections, as the option
// does that says how many calls each may carry.
func TestGrowsWhereIDsRunOut(t *testing.T) {
	opts := []PoolOption{WithConnectNumber(1), WithMaxIdleConnsPerHost(1), WithMaxConnsPerHost(3)}
	withWorld(t, scarceParser{}, opts, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 3 * 7 {
			defer w.mustGet(ctx).Close()
		}
		if n := w.node().ordinary(); n != 3 {
			t.Errorf("%d connections, want 3", n)
		}
	})
}

// limitedParser has peers that say in a frame how many calls they take.
type limitedParser struct{ worldParser }

const limitedCalls = 7

func (limitedParser) ClassifyFrame(vid uint32, frame []byte) FrameKind {
	if frame[0] == worldAlive && frame[worldLen-1] == limitedCalls {
		return FrameSettings
	}
	return worldParser{}.ClassifyFrame(vid, frame)
}

func (limitedParser) AppendSettings(dst []byte, _ Settings) []byte {
	return append(dst, worldFrame(worldAlive, 0, 0)...)
}

func (limitedParser) ReadSettings(frame []byte) (Settings, error) {
	return Settings{MaxCalls: int(frame[worldLen-1])}, nil
}

// soleParser has peers that take one call.
type soleParser struct{ limitedParser }

func (soleParser) ClassifyFrame(vid uint32, frame []byte) FrameKind {
	if frame[0] == worldAlive && frame[worldLen-1] == 1 {
		return FrameSettings
	}
	return worldParser{}.ClassifyFrame(vid, frame)
}

// TestPeerThatTakesOneCall: the next one waits until that has ended, or, if it was left without an answer, until the
// connection is replaced.
func TestPeerThatTakesOneCall(t *testing.T) {
	withWorld(t, soleParser{}, []PoolOption{WithConnectNumber(1), WithMaxConnsPerHost(1)}, func(t *testing.T, w *world) {
		w.mustGet(t.Context()).Close()
		w.peers[0].nc.Write(worldFrame(worldAlive, 0, 1))
		synctest.Wait()
		first := w.getNow()
		begin, got := time.Now(), make(chan *muxConn, 1)
		go func() { got <- w.mustGet(t.Context()) }()
		time.Sleep(time.Second) // of bubble time
		synctest.Wait()
		if len(got) > 0 {
			t.Fatal("two calls are there")
		}
		first.Close()
		second := bounded.Receive(t, got)
		if d := time.Since(begin); d != time.Second {
			t.Errorf("the second call was there after %v, want a second", d)
		}
		w.mustWrite(second, 1)
		begin = time.Now()
		second.Close()
		third := w.mustGet(t.Context())
		defer third.Close()
		if d := time.Since(begin); d != w.pool.opts.stallTimeout || third.conn == second.conn {
			t.Errorf("the third call was there after %v, on the same connection %v", d, third.conn == second.conn)
		}
	})
}

// limitedAsking has a keepalive, too.
type limitedAsking struct{ limitedParser }

func (limitedAsking) AppendKeepAlive(dst []byte, id uint32) []byte {
	return append(dst, worldFrame(worldAlive, id, 0)...)
}

// TestIDsComeBackSlowly: while answers come, if late, the connection is kept.
func TestIDsComeBackSlowly(t *testing.T) {
	withWorld(t, scarceParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		var late []uint32
		for range 7 {
			m := w.mustGet(t.Context())
			w.mustWrite(m, 1)
			m.Close()
			late = append(late, m.id)
		}
		for range 20 {
			time.Sleep(w.pool.opts.stallTimeout * 3 / 4)
			w.peers[0].nc.Write(worldFrame(worldAnswer, late[0], 1))
			synctest.Wait()
			m := w.mustGet(t.Context())
			w.mustWrite(m, 1)
			m.Close()
			late = append(late[1:], m.id)
		}
		if len(w.peers) != 1 {
			t.Errorf("%d connections were made", len(w.peers))
		}
	})
}

// TestLostDatagramsIDsExpire: the id of a datagram that was lost, or its answer, is free
// again when neither can be in the network any more; not before.
func TestLostDatagramsIDsExpire(t *testing.T) {
	withWorld(t, spaceParser{0, 999}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		get := func() *muxConn {
			m, err := w.pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
			if err != nil {
				t.Fatal(err)
			}
			return m.(*muxConn)
		}
		lose := func() (id uint32) {
			m := get()
			defer m.Close()
			w.mustWrite(m, 1)
			return m.id
		}
		c, begin := func() *conn { m := get(); defer m.Close(); return m.conn }(), time.Now()
		lost := lose()
		for range 10 {
			lose()
		}
		reserved := func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.ids.reserved.awaited(lost) > 0
		}
		for reserved() {
			time.Sleep(time.Second)
			lose()
			synctest.Wait()
			if time.Since(begin) > time.Hour {
				t.Fatal("the id never expires")
			}
		}
		if d := time.Since(begin); d < datagramLifetime || d > 2*datagramLifetime+5*time.Second {
			t.Errorf("the id of a lost datagram was free after %v", d)
		}
		if len(w.peers) != 1 {
			t.Errorf("%d sockets", len(w.peers))
		}
	})
}

// TestLostDatagramsIDServesWhoWaits: when it expires, be it the only one.
func TestLostDatagramsIDServesWhoWaits(t *testing.T) {
	for _, lost := range []int{1, 2} {
		withWorld(t, pairParser{}, quietOptions(), func(t *testing.T, w *world) {
			get := func() *muxConn {
				m, err := w.pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
				if err != nil {
					t.Fatal(err)
				}
				return m.(*muxConn)
			}
			begin := time.Now()
			for i := range 2 {
				m := get()
				w.mustWrite(m, 1)
				if i < lost {
					m.Close()
				} else {
					defer m.Close()
				}
			}
			w.opts.WithTimeout(time.Hour / 2) // not for as long as the conn may stall
			for range lost {
				defer get().Close()
			}
			if d := time.Since(begin); d < datagramLifetime || d > 3*datagramLifetime {
				t.Errorf("%d lost: an id was had after %v", lost, d)
			}
			if len(w.peers) != 1 {
				t.Errorf("%d sockets", len(w.peers))
			}
		})
	}
}

// TestCallTableIsGivenBack: after very many calls at once, what looks at all calls goes
// through as few slots again, and an idle connection has none.
func TestCallTableIsGivenBack(t *testing.T) {
	slots := func(table *callTable) (n int) { // that all() goes through
		return len(table.slots)
	}
	for _, calls := range []int{4 * keptCallTable, 16 * keptCallTable} {
		ids := testIDs(t, worldParser{})
		for range calls {
			ids.mustAllocate(t)
		}
		for id := range uint32(calls - 10) {
			ids.leave(id, 0)
		}
		if n := slots(&ids.live); n > keptCallTable {
			t.Errorf("10 calls of %d are left, in %d slots; want %d at most", calls, n, keptCallTable)
		}
		for id := uint32(calls - 10); id < uint32(calls); id++ {
			if ids.live.find(id) == nil {
				t.Fatalf("call %d is lost", id)
			}
		}
	}
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		var calls []*muxConn
		for range 2 * keptCallTable {
			calls = append(calls, w.mustGet(context.Background()))
		}
		for _, m := range calls {
			m.Close()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := slots(&calls[0].conn.ids.live); n != 0 {
			t.Errorf("an idle connection keeps %d slots", n)
		}
	})
}

// TestCallTableKeepsItsSizeInUse: calls that come and go in bursts allocate nothing.
func TestCallTableKeepsItsSizeInUse(t *testing.T) {
	var table callTable
	cl := new(call)
	burst := func() {
		for id := range uint32(2000) {
			table.put(id, cl)
		}
		for id := range uint32(2000) {
			table.remove(id)
		}
	}
	if n := bounded.Allocs(100, burst); n != 0 {
		t.Errorf("%v allocations a burst", n)
	}
}

// TestReservedIDsAreGivenBack: a map keeps the memory of its largest size.
func TestReservedIDsAreGivenBack(t *testing.T) {
	n, ids := 100*keptReserved, testIDs(t, worldParser{})
	for range n {
		ids.leave(ids.mustAllocate(t), 1)
	}
	for id := range uint32(n) {
		if !ids.late(id, true) {
			t.Fatalf("no answer to %d is awaited", id)
		}
	}
	if ids.reserved.young != nil || ids.reserved.old != nil {
		t.Errorf("the memory of %d reserved ids is kept", n)
	}
	one := func() {
		ids.reserved.set(7, 1)
		ids.reserved.set(7, 0)
	}
	if one(); bounded.Allocs(100, one) != 0 {
		t.Error("one id now and then costs memory each time")
	}
}
