package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/muxkit/muxkit/internal/speaks"
	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// greet does the handshakes and makes the connection ready for calls.
func (c *serverConn) greet() error {
	s := c.service
	deadline := time.Now().Add(s.handshakeTimeout)
	_ = c.raw.SetDeadline(deadline)
	ctx, cancel := context.WithDeadline(c.ctx, deadline)
	defer cancel()
	c.nc = c.raw
	tc, _ := c.raw.(*tls.Conn) // of a listener that does TLS itself
	if s.tls != nil {
		tc = tls.Server(wire.BeneathTLS(c.raw), s.tls)
	}
	if tc != nil {
		if err := tc.HandshakeContext(ctx); err != nil {
			err = c.partTLS(tc, err)
			return fmt.Errorf("transport: TLS handshake: %w", text.Error(err, maxMessage)) // with words of the client's certificate
		}
		state := tc.ConnectionState()
		c.nc, c.values.tls = tc, &state
	}
	if s.handshaker != nil {
		if err := s.handshake(ctx, c.nc); err != nil {
			return fmt.Errorf("transport: handshake: %w", err)
		}
	}
	_ = c.raw.SetDeadline(time.Time{})
	// The cancel context on top keeps the user's own types out of what a requestContext
	// does under its lock.
	base := c.ctx
	if s.connContext != nil {
		if base = s.connContext(c.ctx, unguarded(c.nc)); base == nil {
			return fmt.Errorf("%w: the function of ServiceConnContext returned nil", ErrInvalidOption)
		}
	}
	c.callCtx, c.endCalls = context.WithCancel(base)
	if s.connContext != nil {
		context.AfterFunc(c.ctx, c.endCalls)
	}
	c.writer = wire.NewWriter(c.nc, wire.WriterConfig{
		MaxFrames: s.limits.MaxInFlightPerConn + 16,
		MaxBytes:  s.limits.MaxQueuedBytes,
		Timeout:   s.writeTimeout,
		OnError:   c.stop,
		Backlog:   c.account.backlog,
	})
	c.source = timedSource{conn: c, src: c.writer.NewSource(), arrived: time.Now()}
	c.reader = wire.NewReader(&c.source, s.limits.MaxFrameSize)
	c.reader.SetBudget(&c.account)
	if c.greets() && c.greeted.Swap(true) {
		return ErrServiceClosed
	}
	return nil
}

// noTLS is what a client is told that does not speak it: the alert unexpected_message, fatal, in
// a record of TLS 1.0 (RFC 8446, 5.1 and 6), as servers of other makers say it.
var noTLS = []byte{21, 3, 1, 0, 2, 2, 10}

// partTLS lets a client read why the handshake on tc has ended with err: closing a socket with
// unread bytes in it would discard that on its way. It returns err, with what the client speaks,
// if it speaks no TLS.
func (c *serverConn) partTLS(tc *tls.Conn, err error) error {
	nc := wire.Bare(tc)
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) && plain.Conn != nil {
		_, _ = nc.Write(noTLS)
		var first speaks.First
		first.Note(plain.RecordHeader[:])
		err = first.Refused(err, "")
	}
	if half, ok := nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = nc.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.Copy(io.Discard, nc)
	}
	return err
}

// handshake runs the protocol's, which ends with ctx at the latest.
func (s *Service) handshake(ctx context.Context, nc net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	if err := s.handshaker.ServerHandshake(ctx, nc); err != nil {
		return err
	}
	return context.Cause(ctx) // whether or not nc has been closed for it yet
}

// drain implements session: serve notices, tells the client and ends when all
// calls are answered and the client is quiet.
func (c *serverConn) drain() {
	if c.greets() && !c.greeted.Swap(true) {
		c.stop(ErrServiceClosed) // a client in a handshake has made no call
		return
	}
	if !c.draining.Swap(true) {
		_ = closeApart(func() error { return c.raw.SetReadDeadline(time.Unix(1, 0)) }) // wakes serve
	}
}

// greets reports whether greet waits for the client.
func (c *serverConn) greets() bool {
	_, own := c.raw.(*tls.Conn)
	return own || c.service.tls != nil || c.service.handshaker != nil
}

// tell says that the connection is going away.
func (c *serverConn) tell() {
	c.told, c.toldAt = true, time.Now()
	c.busy = c.writer.InFlight.Load() > 0 || c.quiet.Load() > 0 && c.toldAt.Sub(c.quietSince()) < lately
	if g := c.service.goingAway; g != nil {
		_ = c.sendNow(g.AppendGoingAway(wire.Alloc(64)[:0])) // if it fails, reading will
	}
	c.source.flush()
}

// isOld reports whether the connection has reached its age, and nobody was told yet.
func (c *serverConn) isOld(now time.Time) bool {
	return !c.oldAt.IsZero() && !now.Before(c.oldAt) && !c.draining.Load()
}

// overstays reports whether the client calls although it was told to go, and had the time
// to: its calls are refused.
func (c *serverConn) overstays() bool {
	return c.told && c.source.arrived.Sub(c.toldAt) > stayTime
}

// isOver reports whether a client that was told has nothing to wait for any more, whatever
// it sends. Calls that are refused have been answered by now: those in flight were let in.
func (c *serverConn) isOver() bool {
	switch {
	case c.writer.InFlight.Load() > 0:
		return false
	case c.source.arrived.Sub(c.toldAt) > lastTime:
		return true
	}
	return c.source.look && c.reader.Buffered() == 0
}

// leaving implements caller.
func (c *serverConn) leaving() bool { return c.draining.Load() }

// answerRest is for a client that has closed its side, or both, which looks the same:
// the contexts of its calls end, and what they answer is sent, for a while, and unless
// a write shows that nobody is there.
func (c *serverConn) answerRest() {
	c.left.Store(true) // first: calls whose contexts have ended ask for it
	c.endCalls()
	c.source.flush()
	timer := time.NewTimer(restTime)
	defer timer.Stop()
	for c.writer.InFlight.Load() > 0 {
		select {
		case <-c.rest:
		case <-c.ctx.Done():
			return
		case <-timer.C:
			return
		}
	}
	_ = c.writer.WaitSent(c.ctx.Done())
}

// linger lets the client read what was answered: closing a socket with unread bytes in
// it, or to which some come, would discard answers on their way. What the client sends is
// read and dropped meanwhile, since it may read nothing before that is taken. A client that
// reads nothing ends it as it ends any write, after ServiceWriteTimeout.
func (c *serverConn) linger() {
	c.source.flush()       // what was to be written before a read that does not come
	c.draining.Store(true) // or drain would wake the read
	_ = c.raw.SetReadDeadline(time.Time{})
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		var wait time.Duration
		if c.partWays() == nil {
			wait = lingerTime
		}
		_ = c.raw.SetReadDeadline(time.Now().Add(wait))
	}()
	_, _ = io.Copy(io.Discard, c.nc)
	<-arrived // the client has perhaps closed its side only
}

// partWays waits until the client's kernel has what was answered, and tells that nothing
// follows: under TLS that is a write of its own, which must not wait for long.
func (c *serverConn) partWays() (err error) {
	defer caught(&err)
	if err := c.writer.WaitArrived(c.ctx.Done()); err != nil {
		return err
	}
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
