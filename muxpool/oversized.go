package muxpool

import (
	"errors"
	"fmt"
)

// skipFactor is how often the limit a frame may be that is passed over.
const skipFactor = 16

// oversized is a frame that is passed over, and what is known of it.
type oversized struct {
	vid   uint32
	total int64 // bytes
	kind  FrameKind
	err   error // for its call
}

// measure looks at the frame that Parse refused with parse. It returns nil if that is
// not to be passed over: the connection ends then.
func (a *arrivals) measure(parse error) *oversized {
	c := a.conn
	m, ok := c.node.key.parser.(Measurer)
	if !ok || !errors.Is(parse, ErrFrameTooLarge) && a.r.TooLarge() == nil {
		return nil
	}
	head, err := a.r.Head()
	if err != nil {
		return nil
	}
	f := &oversized{}
	if f.vid, f.total, ok = m.Measure(head); !ok || f.total > skipFactor*int64(c.node.opts.maxFrameSize) {
		return nil
	}
	if c.classify != nil {
		f.kind = c.classify.ClassifyFrame(f.vid, head)
	}
	if !errors.Is(parse, ErrFrameTooLarge) {
		parse = a.r.TooLarge()
	}
	f.err = fmt.Errorf("an answer of %d bytes: %w", f.total, parse)
	return f
}

// refuse fails the call of a frame that was passed over. What belongs to no call is
// only counted.
func (a *arrivals) refuse(f *oversized) {
	a.deliver() // what came before
	c := a.conn
	c.frames.Add(1)
	c.answered()
	if f.kind != FrameLast && f.kind != FrameMore {
		c.node.counters.unsolicited.Add(1)
		return
	}
	freed := false
	c.mu.Lock()
	if cl := c.ids.live.find(f.vid); cl == nil {
		freed = c.unmatched(f.vid, f.kind == FrameLast)
	} else if cl.refuse(f.err, f.kind == FrameLast, c.classify != nil) == surplus {
		c.node.counters.duplicate.Add(1)
	}
	c.mu.Unlock()
	if freed {
		c.node.placeFreed(c, false)
	}
}

// MaxFrameSize implements Limiter.
func (m *muxConn) MaxFrameSize() int { return m.conn.node.opts.maxFrameSize }

// MaxAnswerSize implements Limiter.
func (m *muxConn) MaxAnswerSize() int { return m.conn.node.opts.maxAnswerSize }
