package muxpool

import (
	"context"
	"sync/atomic"
)

// muxConn is the MuxConn that users hold. It is never reused, its call is: state
// counts the methods that are at work on the call, and the last to leave after
// Close gives the call back. So a Write through an old MuxConn can never get
// into somebody else's call.
type muxConn struct {
	conn  *conn
	call  *call         // valid for who has entered
	state atomic.Uint32 // closed, wrote, and the count of methods at work
	id    uint32
}

const (
	closedBit = 1 << 31
	wroteBit  = 1 << 30
)

// enter returns the call, unless the MuxConn is closed. Who has entered must
// leave.
func (m *muxConn) enter() *call {
	for {
		s := m.state.Load()
		if s&closedBit != 0 {
			return nil
		}
		if m.state.CompareAndSwap(s, s+1) {
			return m.call
		}
	}
}

func (m *muxConn) leave() {
	if s := m.state.Add(^uint32(0)); s&^wroteBit == closedBit {
		m.recycle()
	}
}

// leaveWritten is leave after a Write whose frame may reach the peer.
func (m *muxConn) leaveWritten() {
	for {
		s := m.state.Load()
		if m.state.CompareAndSwap(s, (s-1)|wroteBit) {
			if s-1 == closedBit|wroteBit || s-1 == closedBit {
				m.recycle()
			}
			return
		}
	}
}

// maybeWrote says, of a closed MuxConn, whether it has written or may be about to:
// who is at work may be a Write, which sets the bit before it leaves.
func (m *muxConn) maybeWrote() bool { return m.state.Load()&^closedBit != 0 }

// recycle gives the call back; nobody can enter any more.
func (m *muxConn) recycle() {
	c := m.call
	m.call = nil
	m.conn.node.pool.putCall(c)
}

// Close implements MuxConn.
func (m *muxConn) Close() {
	for {
		s := m.state.Load()
		if s&closedBit != 0 {
			return
		}
		if !m.state.CompareAndSwap(s, (s+1)|closedBit) {
			continue
		}
		if m.call.unbind != nil {
			m.call.unbind()
		}
		why := endClosed
		if alone := s&^wroteBit == 0; alone { // nobody waits in the call, and nobody will
			why = endDone
		}
		m.conn.abandon(m.call, why, ErrMuxConnClosed)
		m.leave()
		return
	}
}

// bind frees the id and the place of a MuxConn whose user forgets it when ctx ends.
func (m *muxConn) bind(ctx context.Context) {
	m.call.unbind = context.AfterFunc(ctx, func() {
		if c := m.enter(); c != nil {
			err := ctxErr(ctx)
			m.conn.abandon(c, endOf(err), err)
			m.leave()
		}
	})
}
