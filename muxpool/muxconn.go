package muxpool

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// VID implements MuxConn.
func (m *muxConn) VID() uint32 { return m.id }

// LocalAddr implements MuxConn.
func (m *muxConn) LocalAddr() net.Addr { return m.conn.local }

// RemoteAddr implements MuxConn.
func (m *muxConn) RemoteAddr() net.Addr { return m.conn.remote }

// GoingAway implements GoingAwayer: the connection closes with its last call.
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

// CloseWith implements LastWriter. Nothing was written before: there is nothing to take
// back.
func (m *muxConn) CloseWith(frame []byte) {
	if c := m.enter(); c != nil {
		if c.queued() && m.conn.keep(c) {
			m.conn.sendLast(frame, 0)
			m.conn.unwrite(c)
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
	if c.queued() && m.conn.keep(c) {
		defer m.conn.unwrite(c)
		m.conn.sendLastRequest(frame)
	}
}

// MaxFrameSize implements Limiter.
func (m *muxConn) MaxFrameSize() int { return m.conn.node.opts.maxFrameSize }

// MaxAnswerSize implements Limiter.
func (m *muxConn) MaxAnswerSize() int { return m.conn.node.opts.maxAnswerSize }

// Session implements Sessioned.
func (m *muxConn) Session() any { return m.conn.session }

func (m *muxConn) fail(op string, err error, sent bool) error {
	return &Error{Op: op, Node: m.conn.node.name, Err: err, unsent: !sent}
}

// String helps in logs.
func (m *muxConn) String() string {
	return fmt.Sprintf("%s#%d", m.conn.node.name, m.id)
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
		return m.fail("prewarm", m.call.failure(), false)
	case <-ctx.Done():
		return m.fail("prewarm", ctxErr(ctx), false)
	}
}
