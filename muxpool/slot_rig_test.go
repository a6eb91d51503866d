package muxpool

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slotRig plays a script to one node, in a bubble: dials that end when the script says
// so, peers that do nothing unasked, calls, time.
type slotRig struct {
	t       *testing.T
	pool    *Multiplexed
	network string
	parser  FrameParser
	ctx     context.Context // of the Gets and their calls
	cancel  context.CancelFunc
	born    time.Time
	closed  bool
	deaf    bool // the dials that begin do not hear that their contexts end

	mu     sync.Mutex      // guards the fields below; nothing waits under it
	dials  []chan net.Conn // under way, in the order in which they began; nil refuses
	pipes  []slotPipe      // of the dials that were accepted, in that order
	began  time.Time       // of the last dial
	calls  []*muxConn      // in flight
	failed int             // Gets that got an error
	told   []string        // events
}

type slotPipe struct{ ours, theirs net.Conn }

// newSlotRig returns a rig whose redials wait for times that do not pass by chance:
// evenly from zero to 1 s, 2 s, 4 s, of which only a script's "back" lets one pass.
func newSlotRig(t *testing.T, opts []PoolOption) *slotRig {
	r := &slotRig{t: t, network: "tcp", parser: askingParser{}, born: time.Now()}
	r.ctx, r.cancel = context.WithTimeout(context.Background(), 24*time.Hour)
	opts = append([]PoolOption{WithDialContext(r.dial), WithDialTimeout(24 * time.Hour), WithReconnect(3, time.Second, time.Hour),
		WithKeepAlive(time.Hour), WithStallTimeout(3 * time.Second)}, opts...)
	var err error
	if r.pool, err = New(opts...); err != nil {
		t.Fatal(err)
	}
	r.pool.Subscribe(noBug(t))
	last := r.born
	r.pool.Subscribe(func(e Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if e.Time != last {
			r.told = append(r.told, "@"+e.Time.Sub(r.born).String())
			last = e.Time
		}
		r.told = append(r.told, toldEvent(e))
	})
	return r
}

func (r *slotRig) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	end := make(chan net.Conn, 1)
	r.mu.Lock()
	r.dials, r.began = append(r.dials, end), time.Now()
	if r.deaf {
		ctx = context.Background()
	}
	r.mu.Unlock()
	select {
	case nc := <-end:
		if nc == nil {
			return nil, errors.New("refused")
		}
		return nc, nil
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		r.dials = slices.DeleteFunc(r.dials, func(c chan net.Conn) bool { return c == end })
		return nil, ctx.Err()
	}
}

// play does one step of a script, a word and perhaps the number of a connection from
// 1, and lets everything come to rest. A step that is a duration lets so much pass.
func (r *slotRig) play(step string) {
	r.t.Helper()
	word, arg, _ := strings.Cut(step, " ")
	n, _ := strconv.Atoi(arg)
	switch word {
	case "udp": // from here on
		r.network = "udp"
	case "stateful": // likewise: a handshake gives each connection a state
		r.parser = stateful{}
	case "deaf":
		r.deaf = true
	case "get": // comes, and leaves the connection that it gets at once
		go r.get(r.ctx, false, func(m *muxConn) { m.Close() })
	case "bulk": // likewise, and is to move much
		go r.get(r.ctx, true, func(m *muxConn) { m.Close() })
	case "call": // stays in flight, on connection n, or on any that it may have to wait for
		if n > 0 {
			r.request(r.on(r.ctx, n))
		} else {
			go r.get(r.ctx, false, r.request)
		}
	case "end": // all calls
		for _, m := range r.calls {
			m.Close()
		}
	case "accept": // the dial that began first
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		r.pipes = append(r.pipes, slotPipe{ours, theirs})
		r.endDial(ours)
	case "refuse":
		r.endDial(nil)
	case "frame": // of a peer that is asked whether it lives
		r.conn(n).sendKeepAlive()
		r.send(n, worldAlive)
	case "heartbeat": // likewise, and nobody has asked
		r.send(n, worldAlive)
	case "leave": // going away
		r.send(n, worldGoAway)
	case "junk":
		r.send(n, worldAlive+1)
	case "close":
		r.pipes[n-1].theirs.Close()
	case "broken": // a write fails, before a read does
		r.conn(n).writeFailed(errors.New("broken pipe"))
	case "silence": // a request, a call that ends in its deadline, and no byte
		ctx, cancel := context.WithTimeout(r.ctx, time.Second)
		defer cancel()
		m := r.on(ctx, n)
		r.request(m)
		time.Sleep(3 * time.Second) // of bubble time
	case "owed": // answers to all ids, whose callers have left
		for range askingIDs {
			m := r.on(r.ctx, n)
			r.request(m)
			m.Close()
		}
	case "probe": // of the kernel's, is not answered
		r.conn(n).close(ReasonKeepAliveTimeout, ErrKeepAliveTimeout)
	case "back": // the longest wait before the next redials passes
		time.Sleep(r.longestWait()) // of bubble time
		synctest.Wait()
		if r.longestWait() > 0 {
			r.t.Fatal("a slot waits for longer than its bound")
		}
	case "quit":
		r.closed = true
		r.pool.Close()
	case "shutdown":
		r.closed = true
		go r.pool.Shutdown(r.ctx)
	default:
		d, err := time.ParseDuration(step)
		if err != nil {
			r.t.Fatal(err)
		}
		time.Sleep(d) // of bubble time
	}
	synctest.Wait()
	if n := r.node(); n != nil && !r.closed {
		checkNode(r.t, n)
	}
}

// askingIDs is how many ids the rig's parser has.
const askingIDs = 7

// get makes a Get, and f with what it got.
func (r *slotRig) get(ctx context.Context, bulk bool, f func(*muxConn)) {
	opts := NewGetOptions()
	opts.WithBulk(bulk)
	opts.WithFrameParser(r.parser)
	m, err := r.pool.GetMuxConn(ctx, r.network, "peer:1", opts)
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failed++
		return
	}
	f(m.(*muxConn))
}

// request puts m in flight.
func (r *slotRig) request(m *muxConn) {
	if err := m.Write(worldFrame(worldAnswer, m.id, 1)); err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, m)
}

// on returns a call on connection n. Each Get goes to the least loaded one, so as many
// Gets as there are connections find it; the bulk one is found by who asks for it.
func (r *slotRig) on(ctx context.Context, n int) (found *muxConn) {
	r.t.Helper()
	bulk := r.conn(n).bulk
	for range len(r.node().slots) {
		var m *muxConn
		r.get(ctx, bulk, func(got *muxConn) { m = got })
		switch {
		case m == nil:
		case m.conn.nc == r.pipes[n-1].ours:
			return m
		default:
			defer m.Close()
		}
	}
	r.t.Fatalf("no call got on connection %d", n)
	return nil
}

func (r *slotRig) send(n int, kind byte) {
	r.t.Helper()
	if _, err := r.pipes[n-1].theirs.Write(worldFrame(kind, 0, 0)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *slotRig) endDial(nc net.Conn) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.dials) == 0 {
		r.t.Fatal("nothing is being dialed")
	}
	r.dials[0] <- nc
	r.dials = r.dials[1:]
}

func (r *slotRig) conn(n int) *conn {
	for _, c := range r.node().conns() {
		if c.nc == r.pipes[n-1].ours {
			return c
		}
	}
	r.t.Fatalf("connection %d is not open: %v", n, r)
	return nil
}

// node returns the node, nil if there is none, or none any more.
func (r *slotRig) node() *node {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	for _, n := range r.pool.nodes {
		return n
	}
	return nil
}

func (r *slotRig) end() {
	defer r.cancel()
	r.pool.Close()
	synctest.Wait()
	for i, p := range r.pipes {
		if p.ours.SetDeadline(time.Time{}) == nil {
			r.t.Errorf("connection %d has outlived the pool", i+1)
		}
		p.theirs.Close()
	}
	if n := len(r.dials); n != 0 {
		r.t.Errorf("%d dials have not ended with the pool", n)
	}
}
