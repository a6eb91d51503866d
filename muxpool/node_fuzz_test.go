package muxpool

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// FuzzNode plays any order of events to a node: Gets that give up, dials that
// succeed, fail or hang, answers in any order, late or never, closes, garbage,
// going-away, time. After each event the node's invariants are checked, and at
// the end that every call has returned, with its own answer or an error.
func FuzzNode(f *testing.F) {
	f.Add([]byte{0, 0, 10, 20, 30, 40})
	f.Add([]byte{1, 0, 0, 0, 10, 20, 11, 21, 30, 31, 50, 60, 0, 10, 20})
	f.Add([]byte{3, 0, 10, 30, 70, 61, 61, 61, 0, 71, 62, 72, 0, 63, 63})
	f.Add([]byte{7, 0, 0, 0, 10, 11, 80, 0, 12, 20, 21, 90, 64, 0, 10, 41, 0})
	f.Add([]byte{32, 0, 10, 20, 64, 64, 0, 10, 93, 94, 0, 71, 64, 64, 30, 0, 94, 94, 20})
	f.Add([]byte{255, 0, 10, 64, 64, 64, 64, 0, 10, 91, 92, 64, 30, 31, 30, 61})
	f.Add([]byte{64, 0, 0, 0, 12, 13, 20, 21, 50, 0, 1, 2, 52, 11, 64, 3, 2, 51, 80, 3, 20, 21, 30})
	f.Add([]byte{66, 0, 7, 6, 3, 6, 7, 10, 11, 12, 13, 50, 3, 71, 51, 52, 61, 2, 62, 72, 63, 0, 3})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) < 2 || len(script) > 200 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, script[0])
			for _, op := range script[1:] {
				w.play(op)
				synctest.Wait()
				w.check()
			}
			w.end()
		})
	})
}

// world is a pool, the peers that it has dialed, and the calls on it.
type world struct {
	t     *testing.T
	pool  *Multiplexed
	opts  GetOptions
	bulk  bool          // some Gets are to move much
	dials byte          // how the next dials end: 0 a connection, 1 an error, 2 not at all, 3 one that reads nothing
	slow  time.Duration // how long the next dials take
	mu    sync.Mutex    // for the dials, which run side by side
	peers []*worldPeer
	gets  []*worldGet
	nonce uint32
	// twice: the peers answer twice now and then. A duplicate is told from the
	// next call's answer only by an id that is not used again at once.
	twice bool
}

type worldGet struct {
	mux    MuxConn
	err    error
	cancel context.CancelFunc
	done   chan struct{}
	nonces map[uint32]bool // written, by the test's goroutine only
	reads  chan readResult
}

type readResult struct {
	frame []byte
	err   error
}

func newWorld(t *testing.T, settings byte) *world {
	w := &world{t: t, opts: NewGetOptions(), twice: settings&16 != 0, bulk: settings&64 != 0}
	switch {
	case w.twice:
		w.opts.WithFrameParser(worldParser{})
	case settings&4 != 0:
		w.opts.WithFrameParser(askingParser{})
	default:
		w.opts.WithFrameParser(scarceParser{})
	}
	opts := []PoolOption{WithConnectNumber(1 + int(settings&1)), WithDialContext(w.dial), WithIdleTimeout(time.Minute)}
	if settings&2 != 0 {
		opts = append(opts, WithMaxVirConnsPerConn(2))
	}
	if settings&8 != 0 {
		opts = append(opts, WithMaxIdleConnsPerHost(2))
	}
	if settings&32 != 0 {
		opts = append(opts, WithMaxConnAge(2*time.Second))
	}
	var err error
	if w.pool, err = New(opts...); err != nil {
		t.Fatal(err)
	}
	w.pool.Subscribe(noBug(t))
	return w
}

func (w *world) play(op byte) {
	arg := int(op % 10)
	switch op / 10 {
	case 0:
		w.get(arg)
	case 1:
		w.with(arg, w.write)
	case 2:
		w.with(arg, func(g *worldGet) { g.mux.Close() })
	case 3, 4:
		w.answer(arg, op/10 == 4)
	case 5:
		w.peer(arg, func(p *worldPeer) { p.nc.Close() })
	case 6:
		time.Sleep([...]time.Duration{1, 3e6, 60e6, 700e6, 5e9}[arg%5]) // of bubble time
	case 7:
		w.dials = byte(arg % 3)
	case 8:
		w.peer(arg, func(p *worldPeer) { go p.nc.Write(worldFrame(worldGoAway, 0, 0)) })
	case 9:
		w.peer(arg, func(p *worldPeer) { go p.nc.Write(worldFrame(200, 0, 0)) })
	case 10:
		if len(w.gets) > 0 {
			w.gets[arg%len(w.gets)].cancel()
		}
	default:
		w.with(arg, w.read)
	}
}

// get starts a Get; every third comes with an explicit id, every second with a context
// of our own, and some may ask for the bulk connection.
func (w *world) get(arg int) {
	with := context.WithTimeout
	if arg%2 == 1 {
		with = deadline.WithTimeout
	}
	ctx, cancel := with(context.Background(), time.Duration(1+arg)*300*time.Millisecond)
	g := &worldGet{cancel: cancel, done: make(chan struct{}), nonces: make(map[uint32]bool), reads: make(chan readResult, 1)}
	w.gets = append(w.gets, g)
	opts := w.opts
	if arg%3 == 2 && !w.twice {
		opts.WithVID(uint32(3 + arg%4))
	}
	opts.WithBulk(w.bulk && arg%4 >= 2)
	if arg == 9 {
		opts.WithTimeout(100 * time.Millisecond)
	}
	go func() {
		defer close(g.done)
		g.mux, g.err = w.pool.GetMuxConn(ctx, "tcp", "peer:1", opts)
	}()
}

// with calls f with a call that has its MuxConn.
func (w *world) with(arg int, f func(*worldGet)) {
	for i := range w.gets {
		g := w.gets[(arg+i)%len(w.gets)]
		select {
		case <-g.done:
			if g.mux != nil {
				f(g)
				return
			}
		default:
		}
	}
}

func (w *world) peer(arg int, f func(*worldPeer)) {
	if len(w.peers) > 0 {
		f(w.peers[arg%len(w.peers)])
	}
}

func (w *world) write(g *worldGet) {
	if w.twice && len(g.nonces) > 0 {
		return // the duplicate of one answer would pass for the other
	}
	w.nonce++
	if err := g.mux.Write(worldFrame(worldAnswer, g.mux.VID(), w.nonce)); err == nil {
		g.nonces[w.nonce] = true
	} else {
		w.mustBeError(err)
	}
}

// read starts a Read, if none is under way, and takes its result.
func (w *world) read(g *worldGet) {
	go func() {
		frame, err := g.mux.Read()
		g.reads <- readResult{frame, err}
	}()
	synctest.Wait()
	select {
	case r := <-g.reads:
		w.checkRead(g, r)
	default:
		// Nothing to read: Close must end the Read.
		g.mux.Close()
		w.checkRead(g, <-g.reads)
	}
}

func (w *world) checkRead(g *worldGet, r readResult) {
	if r.err != nil {
		w.mustBeError(r.err)
		return
	}
	if nonce := binary.BigEndian.Uint32(r.frame[5:]); !g.nonces[nonce] {
		w.t.Fatalf("call %d read the answer %d to somebody else's request", g.mux.VID(), nonce)
	}
}

func (w *world) mustBeError(err error) {
	if e := (*Error)(nil); !errors.As(err, &e) || e.Err == nil {
		w.t.Fatalf("%v (%T) does not tell whether it was sent", err, err)
	}
}

// answer makes the peer echo a frame that it has got, once or twice.
func (w *world) answer(arg int, twice bool) {
	w.peer(arg, func(p *worldPeer) {
		if len(p.got) == 0 {
			return
		}
		i := arg % len(p.got)
		frame := p.got[i]
		p.got = append(p.got[:i:i], p.got[i+1:]...)
		go func() {
			p.nc.Write(frame)
			if twice && w.twice {
				p.nc.Write(frame)
			}
		}()
	})
}

func (w *world) check() {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	for _, n := range w.pool.nodes {
		checkNode(w.t, n)
	}
}

// end closes the pool and checks that nothing of it is left.
func (w *world) end() {
	w.pool.Close()
	synctest.Wait()
	for i, g := range w.gets {
		select {
		case <-g.done:
		default:
			w.t.Fatalf("Get %d has not returned after Close", i)
		}
		if g.err != nil {
			w.mustBeError(g.err)
		}
		if g.mux != nil {
			for {
				frame, err := g.mux.Read()
				if err != nil {
					w.mustBeError(err)
					break
				}
				w.checkRead(g, readResult{frame: frame})
			}
			g.mux.Close()
		}
		g.cancel()
	}
	if n := w.pool.conns.n; n != 0 {
		w.t.Fatalf("%d conns live after Close", n)
	}
	for _, p := range w.peers {
		p.nc.Close()
	}
}
