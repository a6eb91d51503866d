package muxpool

import (
	"context"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// handles is a batch of muxConns that nobody has used. They are made many at a
// time because each is used once only: a MuxConn that was closed stays closed.
type handles struct{ unused []muxConn }

// handleBatch is how many muxConns are made at a time.
const handleBatch = 32

func (p *Multiplexed) newHandle(cl *call) *muxConn {
	h, _ := p.handles.Get().(*handles)
	if h == nil {
		h = &handles{make([]muxConn, handleBatch)}
	}
	m := &h.unused[0]
	if h.unused = h.unused[1:]; len(h.unused) > 0 {
		p.handles.Put(h)
	}
	m.call, m.conn, m.id = cl, cl.conn, cl.id
	return m
}

func (p *Multiplexed) newCall(ctx context.Context, opts *GetOptions) *call {
	cl, _ := p.calls.Get().(*call)
	if cl == nil {
		cl = &call{wake: make(chan struct{}, 1)}
	}
	cl.ctx, cl.id, cl.explicit, cl.oneWay, cl.limit = ctx, opts.vid, opts.hasVID, opts.oneWay, p.opts.recvLimit
	cl.stream, cl.bulk = opts.stream, opts.bulk && !opts.hasVID
	cl.deadline = opts.deadline
	if cl.dctx = deadline.Of(ctx); cl.dctx != nil {
		cl.endBy(cl.dctx.Due())
	}
	return cl
}

// putCall takes back a call that is on no connection and in nobody's hands.
func (p *Multiplexed) putCall(cl *call) {
	cl.reset()
	p.calls.Put(cl)
}
