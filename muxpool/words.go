package muxpool

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/muxkit/muxkit/internal/speaks"
	"github.com/muxkit/muxkit/internal/text"
)

// Words of others, and about them, as they enter the error of a connection.

// maxForeign bounds what they may add to an error's text, in bytes.
const maxForeign = 1 << 10

// spoken is err as one line. An address of the connection's, which net tells beside what the
// kernel says, is left to who shows the error, and the node with it.
func spoken(err error) (said error) {
	defer func() { // a nil pointer is no nil error
		if p := recover(); p != nil {
			said = panicked(fmt.Sprintf("an error of type %T", err), p)
		}
	}()
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Addr != nil && op.Err != nil && err.Error() == op.Error() {
		return text.Instead(err, text.Said(op.Err.Error(), maxForeign))
	}
	return text.Error(err, maxForeign)
}

// panicked is what is said of somebody else's code that has panicked.
func panicked(who string, p any) error {
	return text.Error(fmt.Errorf("%s panicked: %v", who, p), maxForeign)
}

// closedIdle is err of a connection that nobody was using.
func closedIdle(err error) error { return fmt.Errorf("closed by the peer while idle: %w", err) }

// recognized is why the peer's bytes were refused, and what they are, if they are the first.
func (a *arrivals) recognized(parse error) error {
	parse = text.Error(parse, maxForeign)
	if a.conn.frames.Load() > 0 || len(a.batch) > 0 {
		return parse
	}
	return a.first.Refused(parse, "WithDialTLS")
}

// silent is the error of reading with which the stream has ended, and what may be behind it if
// nothing has come before, or what was said.
func (a *arrivals) silent(err error) error {
	c := a.conn
	var alert *net.OpError
	switch doubt := c.doubt(); {
	case hungUp(err) && c.asked():
		return fmt.Errorf("%w, after the peer had said that it goes away", spoken(err))
	case doubt == "":
	case errors.As(err, &alert) && alert.Op == "remote error":
		return fmt.Errorf("the peer has refused the TLS handshake: %w", spoken(err))
	case hungUp(err):
		return fmt.Errorf("%w, %s", spoken(err), doubt)
	}
	return spoken(err)
}

// asked reports whether the peer has asked for no new calls.
func (c *conn) asked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == connDraining && c.reason == ReasonGoingAway
}

// doubt is what is worth to be asked about a peer that has not said anything: neither TLS nor
// most protocols have a word for who speaks another. It is empty for one that has, in its
// handshake perhaps.
func (c *conn) doubt() string {
	_, secure := c.nc.(*tls.Conn)
	switch {
	case c.datagram || c.bytes.Load() > 0 || greeter(c.node.key.parser) != nil:
		return ""
	case secure:
		return "before the peer's first byte: does this port speak the protocol, and does it trust this side's certificate?"
	}
	return "before the peer's first byte: does this port speak the protocol, and is it one without TLS?"
}

// nothingFor is the error of a conn on which nothing has arrived for so long.
func (c *conn) nothingFor(since time.Duration) error {
	if doubt := c.doubt(); doubt != "" {
		return fmt.Errorf("nothing arrived for %v, %s", since, doubt)
	}
	return fmt.Errorf("nothing arrived for %v", since)
}

// hungUp reports whether err says that the peer has closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// noTLS is err of a TLS handshake that tc has not come to the end of, and what may be behind
// it if the peer has not answered it.
func noTLS(tc *tls.Conn, err error) error {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		if language := speaks.Language(record.RecordHeader[:]); language != "" {
			return fmt.Errorf("%w: its first bytes are of %s, without TLS", err, language)
		}
	case hungUp(err) && tc.ConnectionState().Version == 0:
		return fmt.Errorf("%w, before the peer's first byte: does this port speak TLS?", spoken(err))
	}
	return err
}
