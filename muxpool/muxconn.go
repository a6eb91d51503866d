package muxpool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/wire"
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

// VID implements MuxConn.
func (m *muxConn) VID() uint32 { return m.id }

// LocalAddr implements MuxConn.
func (m *muxConn) LocalAddr() net.Addr { return m.conn.local }

// RemoteAddr implements MuxConn.
func (m *muxConn) RemoteAddr() net.Addr { return m.conn.remote }

// GoingAway says that the peer has asked, in what was read here, for no new calls on the
// connection: it takes none any more, and closes with its last.
func (m *muxConn) GoingAway() { m.conn.drain(ReasonGoingAway, nil) }

// Write implements MuxConn.
func (m *muxConn) Write(b []byte) error { return m.write(b, false) }

// WriteOwned implements OwnedWriter.
func (m *muxConn) WriteOwned(b []byte) error { return m.write(b, true) }

func (m *muxConn) write(b []byte, owned bool) error {
	c := m.enter()
	if c == nil {
		if owned {
			wire.Free(b)
		}
		return m.fail("write", ErrMuxConnClosed, m.maybeWrote())
	}
	err := m.conn.send(c, b, owned)
	if err != nil {
		c.noticed()
	}
	sent := err == nil || c.maybeSent()
	if sent {
		m.leaveWritten()
	} else {
		m.leave()
	}
	if err == nil {
		return nil
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return err
	}
	return m.fail("write", err, sent)
}

// Read implements MuxConn.
func (m *muxConn) Read() ([]byte, error) {
	c := m.enter()
	if c == nil {
		return nil, m.fail("read", ErrMuxConnClosed, m.maybeWrote())
	}
	defer m.leave()
	ctx := c.ctx // what to wait for
	watched := c.dctx != nil && c.dctx.Watch(&c.wake)
	if watched {
		defer c.dctx.Unwatch()
		if c.dctx.Canceled() { // before the watch
			return m.readDone(c)
		}
		ctx = c.dctx.Base()
	}
	endless := watched && ctx.Done() == nil
	patient := !endless && m.conn.patient(c)
	for {
		if patient {
			<-c.wake
			c.patience.Store(0)
			patient = false
		} else if done := ctx.Done(); done == nil { // cheaper than a select
			<-c.wake
		} else {
			select {
			case <-c.wake:
			case <-done:
				return m.readDone(c)
			}
		}
		if frame, err := m.take(c); frame != nil || err != nil {
			return frame, err
		}
		if watched && c.dctx.Canceled() {
			return m.readDone(c)
		}
	}
}

// readDone ends the call with its context; what has arrived is still read.
func (m *muxConn) readDone(c *call) ([]byte, error) {
	err := ctxErr(c.ctx)
	m.conn.abandon(c, endOf(err), err)
	return m.take(c)
}

func (m *muxConn) take(c *call) ([]byte, error) {
	frame, err := c.take()
	if err != nil {
		c.noticed()
	}
	return frame, err
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

// CloseWith implements LastWriter. Nothing was written before: there is nothing to take
// back.
func (m *muxConn) CloseWith(frame []byte) {
	if c := m.enter(); c != nil {
		if c.queued() {
			m.conn.sendLast(frame)
		}
		m.leave()
	}
	m.Close()
}

// CloseWithRequest implements LastRequester. A panic of frame's is its caller's.
func (m *muxConn) CloseWithRequest(frame func(id uint32) []byte) {
	defer m.Close()
	c := m.enter()
	if c == nil {
		return
	}
	defer m.leave()
	if c.queued() {
		m.conn.sendLastRequest(frame)
	}
}

// Session implements Sessioned.
func (m *muxConn) Session() any { return m.conn.session }

func (m *muxConn) fail(op string, err error, sent bool) error {
	return &Error{Op: op, Node: m.conn.node.name, Err: err, unsent: !sent}
}

// String helps in logs.
func (m *muxConn) String() string {
	return fmt.Sprintf("%s#%d", m.conn.node.name, m.id)
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

// prove waits for the peer's first frame, if the protocol can ask for one.
func (m *muxConn) prove(ctx context.Context) error {
	if _, asks := m.conn.node.key.parser.(KeepAliver); !asks || m.conn.datagram {
		return nil
	}
	m.conn.ask()
	select {
	case <-m.conn.proof:
		return nil
	case <-m.call.stopped():
		m.call.noticed()
		return m.fail("prewarm", m.call.failed(), false)
	case <-ctx.Done():
		return m.fail("prewarm", ctxErr(ctx), false)
	}
}

// ctxErr is the error of a context that has ended, or is about to, joined with its
// cause where that says more. What a context is derived from ends before it.
func ctxErr(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		if d := deadline.Of(ctx); d == nil || d.Base().Err() != nil {
			<-ctx.Done()
			err = ctx.Err()
		}
		if err == nil { // a context of somebody's, whose Done is closed and whose Err is nil
			err = context.Canceled
		}
	}
	if cause := context.Cause(ctx); cause != err {
		return both(err, cause)
	}
	return err
}
