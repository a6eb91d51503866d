package transport

import (
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// meet is called once a frame of the client's was read: it speaks the protocol, and is
// told what this side takes, in front of whatever it is told first.
func (c *serverConn) meet() {
	if c.met {
		return
	}
	c.met = true
	if s := c.service.settler; s != nil {
		c.writer.Precede(s.AppendSettings(nil, c.service.settings()))
	}
}

// settings are what clients are told.
func (s *Service) settings() muxpool.Settings {
	return muxpool.Settings{
		MaxFrameSize:     s.limits.MaxFrameSize,
		MaxCalls:         s.limits.MaxInFlightPerConn,
		MaxMetadataPairs: s.limits.MaxMetadataPairs,
		MaxMetadataBytes: s.limits.MaxMetadataBytes,
	}
}

// firstCalls is how many calls a client may keep in flight until it has heard anything.
const firstCalls = 100

// began counts a call in. A client that has as many in flight as it may before it has
// heard how many this side takes is told at once, and not with the first answer.
func (c *serverConn) began() {
	if c.writer.InFlight.Add(1) != firstCalls || c.announced {
		return
	}
	c.announced = true
	if s := c.service.settler; s != nil {
		c.writer.Precede(nil)
		err := apart(func() error { // the call is counted in already, and must come to be counted out
			return c.sendNow(s.AppendSettings(wire.Alloc(128)[:0], c.service.settings()))
		})
		if err == errConnExited {
			err = errExited
		}
		if err != nil {
			c.stop(err)
		}
	}
}

// settled takes note of the client's settings; later ones replace them. An error ends
// the connection.
func (c *serverConn) settled(frame []byte) error {
	s := c.service.settler
	if s == nil {
		return nil
	}
	peer, err := s.ReadSettings(frame)
	if err != nil {
		return fmt.Errorf("transport: the client's settings: %w", err)
	}
	if old := c.peer.Load(); old == nil || *old != peer {
		c.peer.Store(&peer)
	}
	return nil
}

// leastFrame is how many bytes of a frame every client takes, whatever it says: with
// less, not even the answer that says so could be sent.
const leastFrame = 256

// maxAnswer implements caller.
func (c *serverConn) maxAnswer() int {
	limit := c.service.limits.MaxFrameSize
	if p := c.peer.Load(); p != nil && p.MaxFrameSize > 0 {
		limit = min(limit, max(p.MaxFrameSize, leastFrame))
	}
	return limit
}

// part says the protocol's last words to a client whose bytes were refused with err.
// The connection then lingers, so that they are read.
func (c *serverConn) part(err error) {
	f := c.service.farewell
	if f == nil {
		return
	}
	words := f.AppendFarewell(wire.Alloc(128)[:0], err)
	if len(words) == 0 {
		return
	}
	c.parted = c.sendNow(words) == nil
}
