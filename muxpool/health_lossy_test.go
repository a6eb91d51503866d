package muxpool

import (
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// TestAnswersBehindAGap: what lies behind a lost segment is not taken for silence as soon as what is not
// there at all; nor for ever, nor because of what was lost before the last whole frame.
func TestAnswersBehindAGap(t *testing.T) {
	const known, lost = 7, 9 // gaps
	looks := map[string]struct {
		lacks  func(*conn, *health)
		after  func(*poolOptions) time.Duration
		remedy remedy
	}{
		"the rest of a frame": {func(c *conn, h *health) { c.awaits.Store(awaitsRest); h.begun = h.since },
			func(o *poolOptions) time.Duration { return o.stallTimeout }, remedyStalled},
		"answers": {func(_ *conn, h *health) { h.lapsed = 1 },
			func(o *poolOptions) time.Duration { return o.stallTimeout }, remedyStalled},
		"the keepalive's answer": {func(_ *conn, h *health) { h.pinging, h.pinged = true, h.since },
			func(o *poolOptions) time.Duration { return o.keepAlive / 2 }, remedyDead},
	}
	for name, look := range looks {
		for _, row := range []struct {
			now   wire.Transit
			whole bool // a frame has come with the gaps
			times time.Duration
		}{
			{wire.Transit{Known: true, Gaps: known}, false, 1},
			{wire.Transit{}, false, 1},
			{wire.Transit{Known: true, Gaps: lost}, true, 1},
			{wire.Transit{Known: true, Gaps: lost}, false, slowPatience},
			{wire.Transit{Known: true, Gaps: known, Held: 1}, false, slowPatience},
		} {
			withHealth(t, func(t *testing.T, c *conn, h *health) {
				h.due = time.Time{} // looks are as they come
				h.gaps = known
				c.awaits.Store(awaitsFrame)
				if row.whole {
					c.frames.Add(1)
					h.follow(c, row.now, h.since)
				}
				look.lacks(c, h)
				end := h.since.Add(row.times * look.after(c.node.opts))
				for now, want := range map[time.Time]remedy{end.Add(-1): remedyNone, end: look.remedy} {
					h.follow(c, row.now, now)
					if v, _ := h.judge(c, now); v != want {
						t.Errorf("%s, %+v, after %v: remedy %d, want %d", name, row, now.Sub(h.since), v, want)
					}
				}
			})
		}
	}
}
