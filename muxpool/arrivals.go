package muxpool

import (
	"time"

	"github.com/muxkit/muxkit/internal/speaks"
	"github.com/muxkit/muxkit/muxpool/wire"
)

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
	first speaks.First // bytes of the stream
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
	awaits := awaitsFrame
	if a.r.Consumed()+a.r.Buffered() > 0 {
		awaits = awaitsRest
	}
	c.awaits.Store(awaits)
	n, err := a.src.Read(p)
	c.awaits.Store(awaitsNothing)
	a.first.Note(p[:n])
	c.bytes.Add(uint64(n))
	c.reads.Add(1)
	return n, err
}

// receive takes a frame that the parser has returned. An error ends the conn.
func (a *arrivals) receive(vid uint32, frame []byte) error {
	kind, c := FrameLast, a.conn
	if c.classify != nil {
		kind = c.classify.ClassifyFrame(vid, frame)
	}
	if c.ordered {
		var err error
		if vid, kind, err = c.turn(vid, kind); err != nil {
			return err
		}
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
	switch kind {
	case FrameSettings:
		defer c.count(1) // when they are known: see peerCalls
		return c.settled(frame)
	case FrameGoingAway:
		defer c.count(1) // likewise
		c.drain(ReasonGoingAway, nil)
		return nil
	}
	c.count(1)
	switch kind {
	case FrameKeepAlive:
		c.mu.Lock()
		asked := c.health.pong(c)
		c.mu.Unlock()
		if asked {
			c.answered()
		}
		c.node.placeFreed(c, false)
	case FrameRequest:
		c.reply(vid, frame)
	default:
		c.node.counters.unsolicited.Add(1)
	}
	return nil
}

// deliver gives the answers to their calls, and wakes who waits for them. It may wait for
// one that is in the middle of an answer.
func (a *arrivals) deliver() {
	for rest := a.batch; len(rest) > 0; {
		n, cl, left := a.deliverSome(rest)
		if cl != nil {
			a.awaitRoom(rest[n].vid, cl, left)
		}
		rest = rest[n:]
	}
	clear(a.batch)
	a.batch = a.batch[:0]
}

// deliverSome delivers the first n answers of batch, of which there are some. If it is
// not all, the next one's call cl is crowded, and may be waited for for left.
func (a *arrivals) deliverSome(batch []arrival) (n int, cl *call, left time.Duration) {
	c := a.conn
	n, cl, left, came := a.sort(batch)
	if came.awaited {
		c.answered()
	}
	c.count(n)
	for _, cl := range a.woken {
		if cl.signal() && a.src != nil {
			a.src.Woke()
		}
	}
	clear(a.woken)
	a.woken = a.woken[:0]
	if came.freed {
		c.node.placeFreed(c, false)
	}
	return n, cl, left
}

// came is what answers that have come were.
type came struct {
	awaited bool // one of them was, by a call or after it
	freed   bool // an id is free again
}

// sort puts the first n answers of batch into the inboxes of their calls, as deliverSome
// does.
func (a *arrivals) sort(batch []arrival) (n int, cl *call, left time.Duration, all came) {
	c := a.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	for n < len(batch) {
		f := &batch[n]
		if cl = c.ids.live.find(f.vid); cl == nil {
			all.add(c.unmatched(f.vid, f.last))
		} else {
			var asked bool
			asked, left = a.answer(cl, f)
			if all.awaited = all.awaited || asked; left > 0 {
				break
			}
		}
		n, cl = n+1, nil
	}
	return n, cl, left, all
}

func (k *came) add(o came) { k.awaited, k.freed = k.awaited || o.awaited, k.freed || o.freed }

// answer puts a frame into the inbox of its call, or counts why it does not. asked is false
// if the call has asked for nothing; left is not 0 if it is to wait for room, for so long at most. The
// conn's mu is held.
func (a *arrivals) answer(cl *call, f *arrival) (asked bool, left time.Duration) {
	c := a.conn
	became, left := cl.deliver(f.frame, f.last, c.classify != nil, c.madeRoom != nil)
	switch became {
	case delivered:
		a.woken = append(a.woken, cl)
	case overflowed:
		c.node.counters.overflowed.Add(1)
	case surplus:
		c.node.counters.duplicate.Add(1)
	}
	return became != surplus || cl.queued(), left
}

// unmatched counts an answer that no call waits for; mu is held.
func (c *conn) unmatched(vid uint32, last bool) came {
	k := &c.node.counters
	switch {
	case last && c.health.holding && vid == c.health.ping:
		c.health.pong(c)
		return came{awaited: true, freed: true}
	case c.ids.late(vid, last):
		k.late.Add(1)
		return came{awaited: true, freed: last}
	case c.ids.recent.has(vid):
		k.duplicate.Add(1)
	default:
		k.unknown.Add(1)
	}
	return came{}
}
