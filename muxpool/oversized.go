package muxpool

import (
	"errors"
	"fmt"
	"math"

	"github.com/muxkit/muxkit/internal/text"
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
	most := min(int64(c.node.opts.maxFrameSize), math.MaxInt64/skipFactor) * skipFactor
	if f.vid, f.total, ok = m.Measure(head); !ok || f.total > most {
		return nil
	}
	if c.classify != nil {
		f.kind = c.classify.ClassifyFrame(f.vid, head)
	}
	if !errors.Is(parse, ErrFrameTooLarge) {
		parse = a.r.TooLarge()
	}
	if limit := c.node.opts.maxFrameSize; f.total > int64(limit) {
		f.err = text.Instead(parse, fmt.Sprintf("%v: an answer of %d bytes, at most %d are allowed (WithMaxFrameSize)", ErrFrameTooLarge, f.total, limit))
	} else { // the plug-in's own limit
		f.err = fmt.Errorf("an answer of %d bytes: %w", f.total, text.Error(parse, maxForeign))
	}
	return f
}

// passedOver fails the call of a frame that was. What belongs to no call is
// only counted. An error ends the conn.
func (a *arrivals) passedOver(f *oversized) (err error) {
	a.deliver() // what came before
	c := a.conn
	if c.ordered {
		if f.vid, f.kind, err = c.turn(f.vid, f.kind); err != nil {
			return err
		}
	}
	c.count(1)
	if f.kind != FrameLast && f.kind != FrameMore {
		c.node.counters.unsolicited.Add(1)
		return nil
	}
	what := came{awaited: true}
	c.mu.Lock()
	if cl := c.ids.live.find(f.vid); cl == nil {
		what = c.unmatched(f.vid, f.kind == FrameLast)
	} else if cl.failTooLarge(f.err, f.kind == FrameLast, c.classify != nil) == surplus {
		what.awaited = cl.queued()
		c.node.counters.duplicate.Add(1)
	}
	c.mu.Unlock()
	if what.awaited {
		c.answered()
	}
	if what.freed {
		c.node.placeFreed(c, false)
	}
	return nil
}
