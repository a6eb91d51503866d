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
	defer func() { c.close(reason, err) }() // also if the parser ends the goroutine
	reason, err = c.readFrames(a, r)
}

// readFrames delivers frames until the stream ends, and says why it did.
func (c *conn) readFrames(a *arrivals, r *wire.Reader) (reason Reason, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case bug:
			reason, err = ReasonBug, fmt.Errorf("%w: %w", ErrConnLost, p)
		default:
			reason = ReasonProtocolError
			err = fmt.Errorf("%w: %w: the parser panicked: %v", ErrConnLost, ErrProtocol, p)
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
				return c.readError(err, a.src.Err(), r)
			}
			if err := r.Skip(tooLarge.total); err != nil {
				return c.readError(err, a.src.Err(), r)
			}
			a.refuse(tooLarge)
			continue
		}
		if err := a.receive(vid, own(frame, r)); err != nil {
			return ReasonProtocolError, fmt.Errorf("%w: %w: %w", ErrConnLost, ErrProtocol, err)
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
