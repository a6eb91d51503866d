package muxpool

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// readLoop is the goroutine that reads a stream. It owns the arrivals, the Source
// and the Reader.
func (c *conn) readLoop() {
	a := &arrivals{conn: c, src: c.writer.NewSource()}
	r := wire.NewReader(a, c.node.opts.maxFrameSize)
	a.r = r
	c.mu.Lock()
	c.health.shrink = a.src.Shrink
	c.mu.Unlock()
	reason, err := ReasonProtocolError, errParserGone
	defer func() { // also if the parser, or the connection, ends the goroutine
		if err == errParserGone && c.inRead() {
			reason, err = ReasonConnLost, errReadGone
		}
		c.close(reason, err)
	}()
	reason, err = c.readFrames(a, r)
}

// readFrames delivers frames until the stream ends, and says why it did.
func (c *conn) readFrames(a *arrivals, r *wire.Reader) (reason Reason, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case bug:
			reason, err = ReasonBug, p.lost()
		default:
			if reason, err = ReasonProtocolError, because(ErrConnLost, ErrProtocol, panicked("the parser", p)); c.inRead() {
				reason, err = ReasonConnLost, because(ErrConnLost, panicked("the connection", p))
			}
		}
	}()
	defer a.deliver()
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
			tooLarge := a.measure(err)
			if tooLarge == nil {
				return a.readError(err)
			}
			if err := r.Skip(tooLarge.total); err != nil {
				return a.readError(err)
			}
			err = a.passedOver(tooLarge)
		} else {
			err = a.receive(vid, wire.Own(frame, r))
		}
		if err != nil {
			return ReasonProtocolError, because(ErrConnLost, ErrProtocol, err)
		}
	}
}

// errReadGone: the user's connection did not return (runtime.Goexit).
var errReadGone = because(ErrConnLost, errors.New("the connection's Read did not return"))

// inRead reports, of a read loop that was ended by somebody else's code, whether that was the
// connection's, of the user's own, and not the parser's.
func (c *conn) inRead() bool { return c.awaits.Load() != awaitsNothing }

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
		return fmt.Errorf("%w: %d bytes, at most %d are allowed (WithMaxFrameSize)", ErrFrameTooLarge, len(frame), limit)
	case consumed == 0:
		return errors.New("the parser returned a frame without reading")
	}
	return nil
}

// readError tells why the stream ended, in which Parse has returned parse.
func (a *arrivals) readError(parse error) (Reason, error) {
	c, conn := a.conn, a.src.Err()
	if c.refusedUs(conn) {
		c.mu.Lock()
		c.unread = true
		c.mu.Unlock()
	}
	if tooLarge := a.r.TooLarge(); tooLarge != nil && !errors.Is(parse, ErrFrameTooLarge) {
		parse = because(tooLarge, parse)
	}
	switch {
	case errors.Is(parse, ErrFrameTooLarge):
		return ReasonFrameTooLarge, because(ErrConnLost, a.recognized(parse))
	case conn == nil:
		return ReasonProtocolError, because(ErrConnLost, ErrProtocol, a.recognized(parse))
	case errors.Is(conn, io.EOF) && a.r.Consumed()+a.r.Buffered() > 0:
		return ReasonConnLost, because(ErrConnLost, a.recognized(fmt.Errorf("truncated frame: %w", io.ErrUnexpectedEOF)))
	case errors.Is(conn, syscall.ETIMEDOUT):
		return ReasonKeepAliveTimeout, because(ErrConnLost, ErrKeepAliveTimeout, spoken(conn))
	case c.inFlight.Load() == 0:
		return ReasonPeerClosed, because(ErrConnLost, closedIdle(a.silent(conn)))
	default:
		return ReasonConnLost, because(ErrConnLost, a.silent(conn))
	}
}
