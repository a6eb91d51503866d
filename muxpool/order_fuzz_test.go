package muxpool

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzOrder plays any order of events to connections whose answers come in order: calls that
// write once, twice or one-way, and leave in every way; peers that answer in parts, too much,
// too little, with pushes between, that do not read, and that end midway. Whatever they do, the
// k-th answer is read by the k-th request's caller, or by nobody.
func FuzzOrder(f *testing.F) {
	f.Add([]byte{0, 1, 2, 64, 64, 64})
	f.Add([]byte{0, 1, 16, 80, 64, 33, 96, 64, 49, 112})
	f.Add([]byte{3, 0, 165, 64, 80, 163, 64, 192, 0, 193, 64, 0, 112, 0})
	f.Add([]byte{7, 0, 176, 64, 64, 97, 128, 0, 1, 64, 144, 0, 64})
	f.Add([]byte{0, 0, 192, 0, 1, 2, 64, 64, 64, 64, 193, 64, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) <= 200 {
			playOrder(t, script)
		}
	})
}

// TestOrderRandom plays scripts by chance.
func TestOrderRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	scripts := 200
	if testing.Short() {
		scripts = 60
	}
	for range scripts {
		script := make([]byte, 1+rng.IntN(120))
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		if !t.Run(fmt.Sprintf("%x", script), func(t *testing.T) { playOrder(t, script) }) {
			return
		}
	}
}

func playOrder(t *testing.T, script []byte) {
	synctest.Test(t, func(t *testing.T) {
		w := newOrderWorld(t, WithConnectNumber(1+len(script)%2), WithIdleTimeout(time.Minute))
		defer w.end()
		for _, op := range script {
			w.play(op)
			synctest.Wait()
			w.check()
			w.checkCounts()
		}
	})
}

func (w *orderWorld) play(op byte) {
	arg := int(op % 16)
	switch op / 16 {
	case 0, 15:
		timeout := [...]time.Duration{0, time.Second, 4 * time.Second, 0}[arg%4]
		if arg == 7 {
			w.open(timeout, (*GetOptions).WithOneWay)
		} else {
			w.open(timeout)
		}
	case 1:
		w.call(arg, w.write)
	case 2:
		w.call(arg, (*orderCall).leave)
	case 3:
		w.call(arg, func(c *orderCall) { c.cancel() })
	case 4, 5, 14:
		w.answer(arg, []byte{orderLast, orderMore, orderAlive}[min(int(op/16)-4, 2)%3])
	case 6:
		w.peer(arg, func(p *orderPeer) { p.send(orderPush) })
	case 7: // too many, as likely as not
		for range 3 {
			w.answer(arg, orderLast)
			synctest.Wait()
		}
	case 8:
		w.peer(arg, func(p *orderPeer) {
			_, _ = p.nc.Write([]byte{orderLast, 1, 2})
			p.nc.Close()
		})
	case 9:
		w.peer(arg, func(p *orderPeer) { p.nc.Close() })
	case 10:
		time.Sleep([...]time.Duration{time.Millisecond, 700 * time.Millisecond, 1200 * time.Millisecond, 5 * time.Second}[arg%4]) // of bubble time
	case 11:
		w.call(arg, func(c *orderCall) { c.mux.conn.ask() })
	case 12:
		w.peer(arg/2, func(p *orderPeer) { p.pause(arg%2 == 0) })
	case 13:
		w.peer(arg, func(p *orderPeer) { p.send(orderBad) })
	}
}

// call does f with one of the calls.
func (w *orderWorld) call(i int, f func(*orderCall)) {
	if n := len(w.calls); n > 0 {
		f(w.calls[n-1-i%n])
	}
}

// peer does f with one of the connections, the newest for 0.
func (w *orderWorld) peer(i int, f func(*orderPeer)) {
	w.mu.Lock()
	peers := w.peers
	w.mu.Unlock()
	if n := len(peers); n > 0 {
		f(peers[n-1-i%min(n, 2)])
	}
}

// pause makes the peer read no more, or again.
func (p *orderPeer) pause(on bool) {
	switch {
	case on == p.paused:
	case on:
		<-p.turn
	default:
		p.turn <- struct{}{}
	}
	p.paused = on
}

// answer sends an answer, and looks that it gets to who waits for it.
func (w *orderWorld) answer(i int, kind byte) {
	w.peer(i, func(p *orderPeer) {
		if p.ended {
			return
		}
		serial, part := p.answered, p.parts
		p.send(kind)
		synctest.Wait()
		if p.paused { // what it has not read it may have been asked
			return
		}
		if int(serial) >= len(p.asked) {
			if !p.ended {
				w.t.Fatalf("answer %d to %d requests, and the connection goes on", serial, len(p.asked))
			}
			return
		}
		for _, c := range w.calls {
			if w.peerOf(c) != p || !c.nonces[p.asked[serial]] || c.over() {
				continue
			}
			last := c.frames
			if len(last) == 0 || binary.BigEndian.Uint32(last[len(last)-1][1:]) != serial || binary.BigEndian.Uint32(last[len(last)-1][5:]) != part {
				w.t.Fatalf("answer %d, part %d, did not get to the call that waits for it", serial, part)
			}
		}
	})
}

// over reports whether the call has ended.
func (c *orderCall) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return c.left
	}
}

// checkCounts compares what is reserved with what has a place and no caller.
func (w *orderWorld) checkCounts() {
	for _, s := range w.pool.Stats().Nodes {
		for _, c := range s.Conns {
			if c.Reserved > 0 && c.State == ConnState(connClosed) {
				w.t.Fatalf("%d ids of a closed conn are reserved", c.Reserved)
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.peers {
		for _, n := range w.pool.all() {
			for _, c := range n.conns() {
				if c.nc == p.ours && !p.paused && !p.ended {
					w.checkPlaces(c, p)
				}
			}
		}
	}
}

// checkPlaces: as many places are taken as the peer has answers to give, and each is of an id
// that is in use.
func (w *orderWorld) checkPlaces(c *conn, p *orderPeer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	turn := c.writer.Progress()
	if c.state == connClosed {
		return
	}
	if turn.Waiting != len(p.asked)-int(p.answered) {
		w.t.Fatalf("%d places are taken, %d of %d requests were answered", turn.Waiting, p.answered, len(p.asked))
	}
	owed := 0
	for _, m := range []map[uint32]int64{c.ids.reserved.young, c.ids.reserved.old} {
		for _, n := range m {
			owed += int(n)
		}
	}
	for _, cl := range c.ids.live.all() {
		awaited, _ := cl.balance()
		owed += int(awaited)
	}
	if owed != turn.Waiting {
		w.t.Fatalf("%d answers are owed, %d places are taken", owed, turn.Waiting)
	}
	if turn.Waiting > 0 && !c.ids.inUse(turn.ID) {
		w.t.Fatalf("it is the turn of %d, which is nobody's", turn.ID)
	}
}
