package muxpool

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// readLoop is the goroutine that reads a stream. It owns the Source and the
// Reader.
func (c *conn) readLoop() {
	src := c.writer.NewSource()
	r := wire.NewReader(src, c.node.opts.maxFrameSize)
	c.mu.Lock()
	c.health.shrink = src.Shrink
	c.mu.Unlock()
	c.close(c.readFrames(src, r))
}

// readFrames delivers frames until the stream ends, and says why it did.
func (c *conn) readFrames(src *wire.Source, r *wire.Reader) (reason Reason, err error) {
	defer func() {
		if p := recover(); p != nil {
			reason = ReasonProtocolError
			err = fmt.Errorf("%w: %w: the parser panicked: %v", ErrConnLost, ErrProtocol, p)
		}
	}()
	separator, _ := c.node.key.parser.(Separator)
	for {
		r.BeginFrame()
		if separator != nil {
			skip(r, separator)
		}
		vid, frame, err := c.node.key.parser.Parse(r)
		if err == nil {
			err = c.checkFrame(frame, r.Consumed())
		}
		if err != nil {
			return c.readError(err, src.Err(), r)
		}
		if c.receive(vid, frame) {
			src.Woke()
		}
	}
}

// skip consumes what lies between two frames. An error comes again to Parse.
func skip(r *wire.Reader, s Separator) {
	for {
		b, err := r.Peek(1)
		if err != nil || !s.Separates(b[0]) {
			return
		}
		_, _ = r.Discard(1)
		r.BeginFrame()
	}
}

// checkFrame refuses what a parser must not return.
func (c *conn) checkFrame(frame []byte, consumed int) error {
	switch limit := c.node.opts.maxFrameSize; {
	case len(frame) > limit:
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrFrameTooLarge, len(frame), limit)
	case consumed == 0:
		return errors.New("the parser returned a frame without reading")
	}
	return nil
}

// readError tells why the stream ended: parse is what Parse returned, conn the
// error of the connection underneath, nil if it is still good.
func (c *conn) readError(parse, conn error, r *wire.Reader) (Reason, error) {
	if tooLarge := r.TooLarge(); tooLarge != nil && !errors.Is(parse, ErrFrameTooLarge) {
		parse = fmt.Errorf("%w: %w", tooLarge, parse)
	}
	switch {
	case errors.Is(parse, ErrFrameTooLarge):
		return ReasonFrameTooLarge, fmt.Errorf("%w: %w", ErrConnLost, parse)
	case conn == nil:
		return ReasonProtocolError, fmt.Errorf("%w: %w: %w", ErrConnLost, ErrProtocol, parse)
	case errors.Is(conn, io.EOF) && r.Consumed()+r.Buffered() > 0:
		return ReasonConnLost, fmt.Errorf("%w: truncated frame: %w", ErrConnLost, io.ErrUnexpectedEOF)
	case errors.Is(conn, syscall.ETIMEDOUT):
		return ReasonKeepAliveTimeout, fmt.Errorf("%w: %w: %w", ErrConnLost, ErrKeepAliveTimeout, conn)
	case c.inFlight.Load() == 0:
		return ReasonPeerClosed, fmt.Errorf("%w: closed by the peer while idle: %w", ErrConnLost, conn)
	default:
		return ReasonConnLost, fmt.Errorf("%w: %w", ErrConnLost, conn)
	}
}

// receive gives a frame to its call, and reports whether that set a reader going.
func (c *conn) receive(vid uint32, frame []byte) (woke bool) {
	if c.frames.Add(1) == 1 {
		close(c.proof)
		c.node.proved()
	}
	kind := FrameLast
	if c.classify != nil {
		kind = c.classify.ClassifyFrame(vid, frame)
	}
	switch kind {
	case FrameLast, FrameMore:
		return c.answer(vid, frame, kind == FrameLast)
	case FrameKeepAlive:
		c.mu.Lock()
		c.health.pong(c)
		c.mu.Unlock()
		c.node.released(c, false)
	case FrameGoingAway:
		c.drain(ReasonGoingAway, nil)
	default:
		c.node.counters.unsolicited.Add(1)
	}
	return false
}

// answer delivers a frame to the call that has its id, or counts why there is none.
func (c *conn) answer(vid uint32, frame []byte, last bool) (woke bool) {
	if frame == nil {
		frame = []byte{} // a nil frame would be none
	}
	c.mu.Lock()
	if cl := c.ids.live.get(vid); cl != nil {
		fate := cl.deliver(frame, last, c.classify != nil)
		c.mu.Unlock()
		switch fate {
		case delivered:
			return cl.signal()
		case overflowed:
			c.node.counters.overflowed.Add(1)
		case surplus:
			c.node.counters.duplicate.Add(1)
		}
		return false
	}
	freed := c.stray(vid, last)
	c.mu.Unlock()
	if freed {
		c.node.released(c, false)
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
