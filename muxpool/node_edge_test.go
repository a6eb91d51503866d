package muxpool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// hear collects the kinds of the events.
func (w *world) hear() *[]EventKind {
	var kinds []EventKind
	w.pool.Subscribe(func(e Event) { kinds = append(kinds, e.Kind) })
	return &kinds
}

func count(kinds []EventKind, kind EventKind) (n int) {
	for _, k := range kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// TestWaitersGetTheSlotWhoseRestIsOver: who waits at the limit is served by a
// connection that could not be made before, without another Get having to come.
func TestWaitersGetTheSlotWhoseRestIsOver(t *testing.T) {
	opts := []PoolOption{WithConnectNumber(1), WithMaxVirConnsPerConn(1), WithMaxIdleConnsPerHost(1), WithMaxConnsPerHost(2)}
	withWorld(t, worldParser{}, opts, func(t *testing.T, w *world) {
		m := w.mustGet(context.Background())
		defer m.Close()
		w.dials = 1 // refused, for a moment
		time.AfterFunc(restTime/2, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.dials = 0
		})
		ctx, cancel := context.WithTimeout(context.Background(), 10*restTime)
		defer cancel()
		w.mustGet(ctx).Close()
	})
}

// TestWaitersGetTheSlotThatWasDrained: who waits at the limit is served by the
// successor of a connection that the peer asked to leave.
func TestWaitersGetTheSlotThatWasDrained(t *testing.T) {
	opts := []PoolOption{WithConnectNumber(2), WithMaxVirConnsPerConn(1)}
	withWorld(t, worldParser{}, opts, func(t *testing.T, w *world) {
		first := w.mustGet(context.Background())
		defer first.Close()
		synctest.Wait()
		second := w.mustGet(context.Background())
		defer second.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		go func() {
			synctest.Wait() // the Get below waits
			w.peers[0].nc.Write(worldFrame(worldGoAway, 0, 0))
		}()
		w.mustGet(ctx).Close()
	})
}

// TestColdNodeGrowsNoFurtherThanItMust: connections that are still being made
// have their places too.
func TestColdNodeGrowsNoFurtherThanItMust(t *testing.T) {
	opts := []PoolOption{WithConnectNumber(2), WithMaxVirConnsPerConn(100), WithMaxIdleConnsPerHost(2)}
	withWorld(t, worldParser{}, opts, func(t *testing.T, w *world) {
		done := make(chan *muxConn)
		w.slow = time.Millisecond
		for range 50 {
			go func() { done <- w.mustGet(context.Background()) }()
		}
		for range 50 {
			bounded.Receive(t, done).Close()
		}
		if got := w.pool.Stats().Dials; got != 2 {
			t.Errorf("%d dials for 50 calls on 2 connections with a place for 200", got)
		}
	})
}

// TestCausesOfGivenUpSlotsAreBounded: while one connection carries the calls, the
// attempts to make the other may fail forever.
func TestCausesOfGivenUpSlotsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, opts: NewGetOptions()}
		w.opts.WithFrameParser(worldParser{})
		var dials atomic.Int32
		refuse := func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials.Add(1) > 1 {
				return nil, fmt.Errorf("one connection for each client (attempt %d)", dials.Load())
			}
			return w.dial(ctx, network, address)
		}
		pool, err := New(WithConnectNumber(2), WithDialContext(refuse))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		for range 100 {
			m, err := pool.GetMuxConn(context.Background(), "tcp", "peer:1", w.opts)
			if err != nil {
				t.Fatal(err)
			}
			m.Close()
			time.Sleep(2 * restTime)
		}
		var last error
		pool.Subscribe(func(e Event) {
			if e.Kind == NodeExpelled {
				last = e.Err
			}
		})
		w.peers[0].nc.Write([]byte("nonsense!"))
		synctest.Wait()
		var all interface{ Unwrap() []error }
		if !errors.As(last, &all) || len(all.Unwrap()) > 3 {
			t.Errorf("%d causes are kept for 2 connections", len(all.Unwrap())-1)
		}
	})
}

// TestConnLostWithoutCallsIsNoFailure: a peer that hangs up while nobody calls
// does not speak against the node, however the end is noticed.
func TestConnLostWithoutCallsIsNoFailure(t *testing.T) {
	for name, lose := range map[string]func(*world){
		"in mid-frame": func(w *world) {
			w.peers[0].nc.Write([]byte{worldAnswer, 0})
			w.peers[0].nc.Close()
		},
		"by a write": func(w *world) {
			for _, n := range w.pool.nodes {
				(*n.open.Load())[0].writeFailed(errors.New("broken pipe"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				kinds := w.hear()
				w.mustGet(context.Background()).Close()
				lose(w)
				synctest.Wait()
				if count(*kinds, ConnDown) != 1 || count(*kinds, NodeExpelled) != 0 {
					t.Errorf("events: %v", *kinds)
				}
				w.mustGet(context.Background()).Close()
			})
		})
	}
}

// TestNodeThatWasNeverDialedIsForgotten: a Get that is refused leaves nothing.
func TestNodeThatWasNeverDialedIsForgotten(t *testing.T) {
	withWorld(t, scarceParser{}, []PoolOption{WithIdleTimeout(time.Minute)}, func(t *testing.T, w *world) {
		opts := w.opts
		opts.WithVID(math.MaxUint32)
		for i := range 10 {
			if _, err := w.pool.GetMuxConn(context.Background(), "tcp", fmt.Sprint("peer:", i), opts); !errors.Is(err, ErrInvalidOption) {
				t.Fatal(err)
			}
		}
		time.Sleep(3 * time.Minute)
		if n := len(w.pool.Stats().Nodes); n != 0 {
			t.Errorf("%d nodes are kept", n)
		}
	})
}

// TestShutdownOfAnIdlePoolIsDone: there is nothing to wait for, so the context
// does not matter.
func TestShutdownOfAnIdlePoolIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 {
		pool, err := New()
		if err != nil {
			t.Fatal(err)
		}
		if err := pool.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// TestATimerOfASlotThatIsTooLate: one that fires while something else happens to its slot says
// nothing of what the slot is then.
func TestATimerOfASlotThatIsTooLate(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		n := m.conn.node
		n.mu.Lock()
		s := n.slots[0]
		n.due(s, time.Millisecond)
		time.Sleep(time.Millisecond) // it fires, and waits for mu
		s.stop()
		n.mu.Unlock()
		synctest.Wait()
		n.mu.Lock()
		defer n.mu.Unlock()
		if s.state != slotUp {
			t.Errorf("the slot is %v", s.state)
		}
	})
}
