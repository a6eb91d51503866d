package muxtest

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// Peer serves the protocol of this package: it answers every frame until Do
// tells it otherwise. It is reached in memory with DialContext, on real sockets
// after Listen, or both. Its methods are safe for concurrent use.
//
// Goroutines: one for each listener, each connection and each delayed answer.
// Close ends and awaits them.
type Peer struct {
	// mu guards the fields below it. No I/O and no callback under it.
	mu       sync.Mutex
	act      Action
	onAccept func(*Conn)
	onDial   func(ctx context.Context, n int) error
	conns    map[*Conn]struct{}
	accepted int
	dialed   int
	down     bool
	closed   bool
	listens  []listen
	open     []io.Closer // the listeners and packet sockets

	frames, calls, malformed, truncated atomic.Int64

	wg sync.WaitGroup
}

// NewPeer returns a Peer that does act with every frame; nil means Echo.
func NewPeer(act Action) *Peer {
	p := &Peer{conns: make(map[*Conn]struct{})}
	p.Do(act)
	return p
}

// Do sets what is done with every frame from now on; nil means Echo.
func (p *Peer) Do(act Action) {
	if act == nil {
		act = Echo
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.act = act
}

// OnAccept sets a function that is called with each new connection, before
// anything is read from it: it may block, write or close.
func (p *Peer) OnAccept(f func(*Conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onAccept = f
}

// OnDial sets a function that is called by each dial in memory, with the number
// of dials before it. Its error fails the dial; while it blocks, the dial is
// pending.
func (p *Peer) OnDial(f func(ctx context.Context, n int) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onDial = f
}

// Stats are the counters of a Peer.
type Stats struct {
	Dials     int // in memory, failed ones too
	Accepted  int // connections ever
	Open      int // connections now
	Frames    int // received
	Calls     int // received frames of the kind Call
	Malformed int // connections or datagrams that brought no frame
	Truncated int // connections that ended inside a frame
}

// Stats returns the counters.
func (p *Peer) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{
		Dials: p.dialed, Accepted: p.accepted, Open: len(p.conns),
		Frames: int(p.frames.Load()), Calls: int(p.calls.Load()),
		Malformed: int(p.malformed.Load()), Truncated: int(p.truncated.Load()),
	}
}

// Conns returns the open connections.
func (p *Peer) Conns() []*Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*Conn
	for c := range p.conns {
		all = append(all, c)
	}
	return all
}

// CloseConns closes every connection in good order.
func (p *Peer) CloseConns() {
	for _, c := range p.Conns() {
		c.Close()
	}
}

// ResetConns resets every connection.
func (p *Peer) ResetConns() {
	for _, c := range p.Conns() {
		c.Reset()
	}
}

// Down takes the peer off the network: its connections and listeners are
// closed, and dials are refused until Up. On Linux a port that the system chose
// is given to nobody else meanwhile.
func (p *Peer) Down() {
	p.mu.Lock()
	p.down = true
	open := p.open
	p.open = nil
	p.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
	p.CloseConns()
}

// Up brings the peer back after Down, on the same addresses.
func (p *Peer) Up() error {
	p.mu.Lock()
	p.down = false
	again := p.listens
	p.mu.Unlock()
	for _, l := range again {
		if _, err := p.open1(l); err != nil {
			return err
		}
	}
	return nil
}

// Close ends everything and waits for the peer's goroutines.
func (p *Peer) Close() error {
	p.mu.Lock()
	p.closed = true
	listens := p.listens
	p.listens = nil
	p.mu.Unlock()
	p.Down()
	p.wg.Wait()
	for _, l := range listens {
		l.free()
	}
	return nil
}

// accept makes c one of the peer's connections and runs serve for it.
func (p *Peer) accept(c *Conn, serve func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down || p.closed {
		return false
	}
	c.Index = p.accepted
	p.accepted++
	p.conns[c] = struct{}{}
	hook := p.onAccept
	p.wg.Go(func() {
		if hook != nil {
			hook(c)
		}
		serve()
	})
	return true
}

func (p *Peer) forget(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Peer) action() Action {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.act
}

// goes runs f in a goroutine that Close awaits; nothing starts once Close has
// begun to wait.
func (p *Peer) goes(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.wg.Go(f)
	}
}
