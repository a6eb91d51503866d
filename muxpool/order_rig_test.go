package muxpool

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	orderLast = iota
	orderMore
	orderPush
	orderAlive
	orderBad
)

// orderParser cuts frames of a kind, a serial number and a nonce. What it says of ids is
// wrong.
type orderParser struct{}

func (orderParser) Parse(r io.Reader) (uint32, []byte, error) {
	frame := make([]byte, worldLen)
	_, err := io.ReadFull(r, frame)
	if err == nil && frame[0] >= orderBad {
		err = fmt.Errorf("kind %d", frame[0])
	}
	return 77, frame, err
}

func (orderParser) ClassifyFrame(_ uint32, frame []byte) FrameKind {
	return [...]FrameKind{FrameLast, FrameMore, FrameUnsolicited, FrameKeepAlive}[frame[0]]
}

func (orderParser) InOrder() {}

func (orderParser) AppendKeepAlive(dst []byte, id uint32) []byte {
	return append(dst, worldFrame(orderAlive, id, 0)...)
}

// orderWorld is a pool whose peers answer in order, as far as they are told to, and what each
// of its calls has got.
type orderWorld struct {
	t     *testing.T
	pool  *Multiplexed
	opts  GetOptions
	mu    sync.Mutex // for peers, which dials add to
	peers []*orderPeer
	calls []*orderCall
	nonce uint32
	got   map[[3]uint32]*orderCall // peer, serial, part: who got it
}

// orderPeer is one connection as the peer sees it. Its fields are of the goroutine that reads
// until synctest.Wait.
type orderPeer struct {
	index    int
	ours     net.Conn // what the pool has
	nc       net.Conn
	turn     chan struct{} // holds a token while the peer reads
	asked    []uint32      // nonces, in the order of the wire; of a keepalive 0
	answered uint32
	parts    uint32 // of the answer that has begun
	ended    bool
	paused   bool
}

type orderCall struct {
	mux    *muxConn
	cancel context.CancelFunc
	nonces map[uint32]bool
	frames [][]byte // that were read
	err    error    // why nothing more is
	left   bool
	done   chan struct{} // closed when err is set
}

func newOrderWorld(t *testing.T, opts ...PoolOption) *orderWorld {
	w := &orderWorld{t: t, opts: NewGetOptions(), got: make(map[[3]uint32]*orderCall)}
	w.opts.WithFrameParser(orderParser{})
	dial := func(context.Context, string, string) (net.Conn, error) { return w.accept(), nil }
	var err error
	if w.pool, err = New(append([]PoolOption{WithDialContext(dial), WithConnectNumber(1)}, opts...)...); err != nil {
		t.Fatal(err)
	}
	w.pool.Subscribe(noBug(t))
	return w
}

func (w *orderWorld) accept() net.Conn {
	ours, theirs := net.Pipe()
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &orderPeer{index: len(w.peers), ours: ours, nc: theirs, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	w.peers = append(w.peers, p)
	go p.serve()
	return ours
}

func (p *orderPeer) serve() {
	for {
		frame := make([]byte, worldLen)
		_, err := io.ReadFull(p.nc, frame)
		<-p.turn
		if err != nil {
			p.ended = true
			p.turn <- struct{}{}
			return
		}
		if frame[0] != orderPush {
			p.asked = append(p.asked, binary.BigEndian.Uint32(frame[5:]))
		}
		p.turn <- struct{}{}
	}
}

// send sends a frame; of an answer its serial number.
func (p *orderPeer) send(kind byte) {
	nonce := p.parts
	if _, err := p.nc.Write(worldFrame(kind, p.answered, nonce)); err != nil {
		return
	}
	switch kind {
	case orderMore:
		p.parts++
	case orderLast, orderAlive:
		p.answered, p.parts = p.answered+1, 0
	}
}

// open makes a call that writes one request, and reads until nothing comes any more. It
// returns nil if there is no connection.
func (w *orderWorld) open(timeout time.Duration, with ...func(*GetOptions)) *orderCall {
	opts := w.opts
	opts.WithTimeout(timeout)
	for _, f := range with {
		f(&opts)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", opts)
	if err != nil {
		cancel()
		return nil
	}
	c := &orderCall{mux: m.(*muxConn), cancel: cancel, nonces: make(map[uint32]bool), done: make(chan struct{})}
	w.calls = append(w.calls, c)
	w.write(c)
	go func() {
		defer close(c.done)
		for {
			frame, err := c.mux.Read()
			if err != nil {
				c.err = err
				return
			}
			c.frames = append(c.frames, frame)
		}
	}()
	return c
}

// write writes one more request, on a goroutine of its own if the peer does not read.
func (w *orderWorld) write(c *orderCall) {
	w.nonce++
	nonce := w.nonce
	c.nonces[nonce] = true
	kind := byte(orderLast)
	if c.mux.call != nil && c.mux.call.oneWay {
		kind = orderPush // which the peer does not answer
	}
	go func() { _ = c.mux.Write(worldFrame(kind, 0, nonce)) }()
	synctest.Wait()
}

func (c *orderCall) leave() {
	c.mux.Close()
	c.cancel()
	c.left = true
}

func (w *orderWorld) end() {
	for _, c := range w.calls {
		c.leave()
		<-c.done
	}
	_ = w.pool.Close()
	for _, p := range w.peers {
		p.pause(false)
		p.nc.Close()
	}
	synctest.Wait()
}

// check compares what the calls have got with what the peers were asked: the k-th answer is
// the k-th request's, whoever else might want it.
func (w *orderWorld) check() {
	for i, c := range w.calls {
		for _, frame := range c.frames {
			p := w.peerOf(c)
			serial, part := binary.BigEndian.Uint32(frame[1:]), binary.BigEndian.Uint32(frame[5:])
			switch key := [3]uint32{uint32(p.index), serial, part}; {
			case frame[0] != orderLast && frame[0] != orderMore && frame[0] != orderAlive:
				w.t.Fatalf("call %d got a frame of the kind %d", i, frame[0])
			case w.got[key] != nil && w.got[key] != c:
				w.t.Fatalf("call %d got answer %d, which another has got", i, serial)
			case int(serial) < len(p.asked) && !c.nonces[p.asked[serial]]:
				w.t.Fatalf("call %d got answer %d, which is %d's", i, serial, p.asked[serial])
			default:
				w.got[key] = c
			}
		}
	}
}

func (w *orderWorld) peerOf(c *orderCall) *orderPeer {
	for _, p := range w.peers {
		if p.ours == c.mux.conn.nc {
			return p
		}
	}
	w.t.Fatal("a conn of nobody")
	return nil
}
