package muxpool

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestCallsAreCountedByTheirEnd: of every way in which a call can end, whatever had become
// of its request, one figure tells, and afterwards as many have ended as were started.
func TestCallsAreCountedByTheirEnd(t *testing.T) {
	ends := map[string]func(*Calls) *uint64{
		"cancel": func(k *Calls) *uint64 { return &k.Canceled }, "cancel, ours": func(k *Calls) *uint64 { return &k.Canceled },
		"deadline": func(k *Calls) *uint64 { return &k.TimedOut }, "deadline, ours": func(k *Calls) *uint64 { return &k.TimedOut },
		"deadline, option": func(k *Calls) *uint64 { return &k.TimedOut },
		"peer closes":      func(k *Calls) *uint64 { return &k.Lost }, "peer sends junk": func(k *Calls) *uint64 { return &k.Lost },
		"keepalive timeout": func(k *Calls) *uint64 { return &k.Lost }, "write fails": func(k *Calls) *uint64 { return &k.Lost },
		"pool closes": func(k *Calls) *uint64 { return &k.Lost }, "pool shuts down": func(k *Calls) *uint64 { return &k.Lost },
		"too much unread":  func(k *Calls) *uint64 { return &k.Overflowed },
		"answer too large": func(k *Calls) *uint64 { return &k.TooLarge },
	}
	for _, way := range callEnds {
		for _, asked := range []string{"nothing", "asked", "read"} {
			t.Run(way.name+"/"+asked, func(t *testing.T) {
				field := ends[way.name]
				switch {
				case way.name == "Close" && asked == "asked":
					field = func(k *Calls) *uint64 { return &k.Abandoned }
				case way.name == "Close":
					field = func(k *Calls) *uint64 { return &k.Answered }
				case asked != "asked" && way.name == "answer too large": // it answers nothing: Close is the end
					field = func(k *Calls) *uint64 { return &k.Abandoned }
				case asked != "asked" && way.name == "too much unread":
					field = ends["deadline"]
				case field == nil:
					t.Fatal("this way is counted nowhere")
				}
				withWorld(t, endParser{}, []PoolOption{WithConnectNumber(1), WithRecvLimit(200), WithWriteTimeout(time.Hour),
					WithKeepAlive(time.Hour), WithStallTimeout(time.Hour)}, func(t *testing.T, w *world) {
					playEnd(w, way.end, way.with, asked, way.name != "too much unread")
					synctest.Wait()
					s := w.pool.Stats()
					got := s.Calls
					if got.Started != 1 || got.Ended() != 1 || *field(&got) != 1 || s.InFlight != 0 {
						t.Errorf("%+v, %d in flight", got, s.InFlight)
					}
				})
			})
		}
	}
}

// TestWaitsAndDialsAreCounted: how many, and for how long; figures outlive connections and
// nodes, and are those of one node.
func TestWaitsAndDialsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := true
		dial := func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(30 * time.Millisecond)
			if refuse {
				return nil, errors.New("refused")
			}
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				buf := make([]byte, 1<<10)
				for {
					if _, err := far.Read(buf); err != nil {
						return
					}
				}
			}()
			return near, nil
		}
		p, err := New(WithConnectNumber(1), WithDialContext(dial), WithIdleTimeout(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		opts := NewGetOptions()
		opts.WithFrameParser(worldParser{})
		get := func() (MuxConn, error) { return p.GetMuxConn(t.Context(), "tcp", "peer:1", opts) }
		if _, err := get(); err == nil {
			t.Fatal("connected")
		}
		refuse = false
		m, err := get()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Write(worldFrame(worldAnswer, m.VID(), 7)); err != nil {
			t.Fatal(err)
		}
		m.Close()
		check := func(what string, k Counters) {
			t.Helper()
			want := Counters{Dials: 2, DialFailures: 1, DialDuration: 60 * time.Millisecond, Waits: 2, WaitDuration: 60 * time.Millisecond, Expelled: 1}
			want.Calls = Calls{Started: 1, Abandoned: 1}
			want.BytesWritten, want.Writes = uint64(len(worldFrame(worldAnswer, 1, 7))), 1
			want.ConnsClosed = k.ConnsClosed
			if k.Reads = 0; k != want {
				t.Errorf("%s:\n%+v, want\n%+v", what, k, want)
			}
		}
		synctest.Wait()
		nodes := p.NodeStats(Node{"tcp", "peer:1"})
		if len(nodes) != 1 || nodes[0].Identity != opts.Identity() || len(p.NodeStats(Node{"tcp", "peer:2"})) != 0 {
			t.Fatalf("%+v", nodes)
		}
		check("the node", nodes[0].Counters)
		check("the pool", p.Stats().Counters)
		p.Drop(Node{"tcp", "peer:1"})
		time.Sleep(time.Second)
		if s := p.Stats(); len(s.Nodes) != 0 || s.ConnsClosed.By(ReasonDropped) != 1 || s.ConnsClosed.Total() != 1 {
			t.Errorf("%+v", s)
		}
		check("the pool, of a node that is gone", p.Stats().Counters)
	})
}

// TestFiguresOfAConnThatEnds: between the node's hearing of it and its calls', the figures
// of a conn are there once, and afterwards too.
func TestFiguresOfAConnThatEnds(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(context.Background())
		c, n := m.conn, m.conn.node
		check := func(when string) {
			t.Helper()
			if started := w.pool.Stats().Calls.Started; started != 1 {
				t.Errorf("%s: %d calls started", when, started)
			}
		}
		check("it is up")
		open := n.open.Swap(new([]*conn)) // as connDown does
		n.mu.Lock()
		n.ending[c] = struct{}{}
		n.mu.Unlock()
		check("the node has heard of its end")
		n.ended(c)
		check("all have")
		n.open.Store(open)
	})
}
