package muxpool

import "github.com/muxkit/muxkit/muxpool/wire"

// arrivalsMax is how many answers are delivered at a time, at most.
const arrivalsMax = 32

// arrivals are answers that have been parsed and are about to be delivered. One
// read brings the answers of many calls: finding the calls of all of them costs the
// conn's lock once. They are delivered when there are arrivalsMax of them, before
// the next read, and when reading ends, so none waits for the peer.
//
// It is owned by the goroutine that reads the conn.
type arrivals struct {
	conn  *conn
	src   *wire.Source // nil on a datagram socket
	r     *wire.Reader // likewise
	batch []arrival
	woken []*call
}

type arrival struct {
	vid   uint32
	last  bool
	frame []byte
}

// Read implements io.Reader for the frames' Reader.
func (a *arrivals) Read(p []byte) (int, error) {
	a.deliver()
	c := a.conn
	c.partial.Store(a.r.Consumed()+a.r.Buffered() > 0)
	n, err := a.src.Read(p)
	c.bytes.Add(uint64(n))
	return n, err
}

// receive takes a frame that the parser has returned. An error ends the conn.
func (a *arrivals) receive(vid uint32, frame []byte) error {
	kind, c := FrameLast, a.conn
	if c.classify != nil {
		kind = c.classify.ClassifyFrame(vid, frame)
	}
	if kind == FrameLast || kind == FrameMore {
		if frame == nil {
			frame = []byte{} // a nil frame would be none
		}
		if a.batch = append(a.batch, arrival{vid, kind == FrameLast, frame}); len(a.batch) == arrivalsMax {
			a.deliver()
		}
		return nil
	}
	a.deliver() // what came before
	if c.frames.Add(1); kind != FrameGoingAway && kind != FrameSettings {
		c.answered()
	}
	switch kind {
	case FrameKeepAlive:
		c.mu.Lock()
		c.health.pong(c)
		c.mu.Unlock()
		c.node.released(c, false)
	case FrameGoingAway:
		c.drain(ReasonGoingAway, nil)
	case FrameSettings:
		return c.settled(frame)
	default:
		c.node.counters.unsolicited.Add(1)
	}
	return nil
}

// deliver gives the answers to their calls, and wakes who waits for them.
func (a *arrivals) deliver() {
	if len(a.batch) == 0 {
		return
	}
	c, freed := a.conn, false
	c.frames.Add(uint64(len(a.batch)))
	c.answered()
	c.mu.Lock()
	for i := range a.batch {
		f := &a.batch[i]
		if cl := c.ids.live.get(f.vid); cl == nil {
			freed = c.stray(f.vid, f.last) || freed
		} else if c.answer(cl, f) {
			a.woken = append(a.woken, cl)
		}
	}
	c.mu.Unlock()
	for _, cl := range a.woken {
		if cl.signal() && a.src != nil {
			a.src.Woke()
		}
	}
	clear(a.batch)
	clear(a.woken)
	a.batch, a.woken = a.batch[:0], a.woken[:0]
	if freed {
		c.node.released(c, false)
	}
}

// answer puts a frame into the inbox of its call, or counts why it does not, and
// reports whether a Read is to be told; mu is held.
func (c *conn) answer(cl *call, f *arrival) (told bool) {
	switch cl.deliver(f.frame, f.last, c.classify != nil) {
	case delivered:
		return true
	case overflowed:
		c.node.counters.overflowed.Add(1)
	case surplus:
		c.node.counters.duplicate.Add(1)
	}
	return false
}

// stray counts an answer that no call waits for, and reports whether it has
// freed the id; mu is held.
func (c *conn) stray(vid uint32, last bool) (freed bool) {
	k := &c.node.counters
	switch {
	case c.health.holding && vid == c.health.ping:
		c.health.pong(c)
		return true
	case c.ids.late(vid, last):
		k.late.Add(1)
		return last
	case c.ids.recent.has(vid):
		k.duplicate.Add(1)
	default:
		k.unknown.Add(1)
	}
	return false
}
