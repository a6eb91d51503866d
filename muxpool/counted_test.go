package muxpool

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestTakenBackIsNoAnswer: a Get that has got a place and gives it back, since its context ended
// or the peer had hung up, is told as that, and as no call that was answered.
func TestTakenBackIsNoAnswer(t *testing.T) {
	for name, giveBack := range map[string]func(n *node, cl *call){
		"its context has ended": func(n *node, cl *call) {
			w := &waiter{call: cl, done: make(chan error, 1)}
			n.waiting.Add(1)
			n.enqueue(w) // which serves it
			if err := n.leave(w, context.Canceled); err != context.Canceled {
				t.Errorf("it has left with %v", err)
			}
		},
		"the peer had hung up": func(n *node, cl *call) {
			if ok, err := n.tryOpen(cl); !ok {
				t.Fatal("there is no place", err)
			}
			cl.conn.vacate(cl)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				w.mustGet(t.Context()).Close()
				giveBack(w.node(), w.pool.newCall(t.Context(), &w.opts))
				synctest.Wait()
				s := w.pool.Stats()
				if want := (Calls{Started: 2, Answered: 1, TakenBack: 1}); s.Calls != want || s.InFlight != 0 {
					t.Errorf("%+v, want %+v; %d in flight", s.Calls, want, s.InFlight)
				}
			})
		})
	}
}

// TestDialOfADroppedNodeIsCounted: the node is gone from the figures when its dial ends, which counts
// all the same.
func TestDialOfADroppedNodeIsCounted(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		w.slow = 30 * time.Millisecond
		got := make(chan *muxConn, 1)
		go func() { got <- w.mustGet(t.Context()) }()
		time.Sleep(10 * time.Millisecond)
		w.pool.Drop(Node{"tcp", "peer:1"})
		synctest.Wait()
		if n := len(w.pool.Stats().Nodes); n != 1 {
			t.Errorf("%d nodes are told, want the new one", n)
		}
		bounded.Receive(t, got).Close()
		time.Sleep(time.Second)
		if s := w.pool.Stats(); s.Dials != 2 || s.DialDuration != 60*time.Millisecond {
			t.Errorf("%d dials took %v, want 2 of 30 ms each", s.Dials, s.DialDuration)
		}
	})
}

// TestRoomToldGrowsForAll: a peer says that it takes seven calls when a hundred are on its connection
// and twenty more wait, as nobody knew what a connection takes: as many connections are made as
// those need, at once, and all are served.
func TestRoomToldGrowsForAll(t *testing.T) {
	const waiting = 20
	opts := []PoolOption{WithConnectNumber(1), WithMaxConnsPerHost(10), WithMaxIdleConnsPerHost(10), WithKeepAlive(time.Hour), WithStallTimeout(time.Hour)}
	withWorld(t, limitedParser{}, opts, func(t *testing.T, w *world) {
		w.slow = time.Second / 2
		var calls []*muxConn
		for range firstCalls {
			calls = append(calls, w.mustGet(t.Context()))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got := make(chan *muxConn, waiting)
		for range waiting {
			go func() {
				m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts)
				if err != nil {
					t.Error(err)
					got <- nil
					return
				}
				got <- m.(*muxConn)
			}()
		}
		synctest.Wait()
		if n := w.pool.Stats().Nodes[0].Waiting; n != waiting {
			t.Fatalf("%d Gets wait, want %d", n, waiting)
		}
		if _, err := w.peers[0].nc.Write(worldFrame(worldAlive, 0, limitedCalls)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		n := w.node()
		n.mu.Lock()
		_, dialing := n.tally()
		n.mu.Unlock()
		if want := (waiting + limitedCalls - 1) / limitedCalls; dialing != want {
			t.Errorf("%d connections are being made, want %d", dialing, want)
		}
		for range waiting {
			if m := bounded.Receive(t, got); m != nil {
				m.Close()
			}
		}
		for _, m := range calls {
			m.Close()
		}
	})
}

// BenchmarkPublish is what each change of a slot costs a node of many connections.
func BenchmarkPublish(b *testing.B) {
	for _, conns := range []int{2, 16, 1024, 65536} {
		b.Run(strconv.Itoa(conns), func(b *testing.B) {
			n := &node{slots: make([]*slot, conns)}
			for i := range n.slots {
				n.slots[i] = new(slot)
				n.slots[i].state, n.slots[i].conn = slotUp, new(conn)
			}
			for b.Loop() {
				n.publish()
				n.tally()
			}
		})
	}
}

// TestFirstFrameMakesRoom: a hundred calls are on a connection whose peer may say how many it takes, and
// one more waits. What comes first is no such word: there is no bound then, and the one that waits is
// served at once, not when another comes or leaves.
func TestFirstFrameMakesRoom(t *testing.T) {
	for name, frame := range map[string]func(id uint32) []byte{
		"a sign of life":      func(uint32) []byte { return worldFrame(worldAlive, 0, 0) },
		"an answer":           func(id uint32) []byte { return worldFrame(worldAnswer, id, 0) },
		"an answer to nobody": func(id uint32) []byte { return worldFrame(worldAnswer, id-1, 0) },
		"a going away":        func(uint32) []byte { return worldFrame(worldGoAway, 0, 0) }, // there is on a new one
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, limitedParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				first := w.mustGet(t.Context())
				defer first.Close()
				w.mustWrite(first, 1)
				for range firstCalls - 1 {
					defer w.mustGet(t.Context()).Close()
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				got := make(chan error, 1)
				go func() {
					m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts)
					if err == nil {
						defer m.Close()
						if left := m.(*muxConn).conn == first.conn; left && name == "a going away" {
							t.Error("the call went where the peer takes no new ones")
						}
					}
					got <- err
				}()
				synctest.Wait()
				if n := w.pool.Stats().Nodes[0].Waiting; n != 1 {
					t.Fatalf("%d Gets wait, want one", n)
				}
				if _, err := w.peers[0].nc.Write(frame(first.id)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				select {
				case err := <-got:
					if err != nil {
						t.Error(err)
					}
				default:
					t.Error("a Get waits, and there is room")
				}
			})
		})
	}
}
