package afternoon

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

// peer is the server that the protocol was designed for, as far as the tests need it.
type peer struct {
	asks bool // the connection begins with a question of the peer's

	mu     sync.Mutex
	logins int
	waits  chan uint32 // ids of calls to Wait that have come
	left   chan uint32 // ids of calls that a cancel named
	heard  chan byte   // kinds of frames that are no requests
}

func newPeer() *peer {
	return &peer{waits: make(chan uint32, 16), left: make(chan uint32, 16), heard: make(chan byte, 16)}
}

func (p *peer) start(t testing.TB) transport.Node { return protocoltest.Serve(t, p.serve) }

// serve is its life on a connection.
func (p *peer) serve(c *protocoltest.Conn) {
	token, ok := p.login(c)
	if p.asks {
		_, _ = c.Write(appendFrame(nil, 7, kindAsk))
	}
	for ok {
		id, frame, err := c.Frame(Protocol{})
		if err != nil {
			return
		}
		_, err = c.Write(p.answer(token, id, frame[8], frame[header:]))
		ok = err == nil
	}
}

// login gives each connection a token of its own.
func (p *peer) login(c *protocoltest.Conn) (token []byte, ok bool) {
	id, frame, err := c.Frame(Protocol{})
	if err != nil || frame[8] != kindLogin {
		return nil, false
	}
	p.mu.Lock()
	p.logins++
	p.mu.Unlock()
	if !bytes.Equal(frame[header:], []byte("ann\x00right")) {
		_, _ = c.Write(appendFrame(nil, id, kindError, []byte{0, 1}, []byte("who are you?")))
		return nil, false
	}
	token = binary.BigEndian.AppendUint32(nil, rand.Uint32())
	_, err = c.Write(appendFrame(nil, id, kindAnswer, token))
	return token, err == nil
}

// answer is what it says to a frame.
func (p *peer) answer(token []byte, id uint32, kind byte, rest []byte) []byte {
	switch {
	case kind == kindHere || kind == kindBye:
		p.heard <- kind
		return nil
	case len(rest) < 4 || !bytes.Equal(rest[:4], token):
		return appendFrame(nil, id, kindError, []byte{1, 145}, []byte("that is not the token of this connection"))
	case kind == kindCancel:
		left := binary.BigEndian.Uint32(rest[4:])
		p.left <- left
		return appendFrame(appendFrame(nil, id, kindAnswer), left, kindError, []byte{1, 243}, []byte("its caller left"))
	}
	method, body, _ := bytes.Cut(rest[4:], []byte{0})
	switch string(method) {
	case "Wait":
		p.waits <- id
		return nil
	case "Count":
		return appendFrame(appendFrame(appendFrame(nil, id, kindPart, []byte("one ")), id, kindPart, []byte("two ")), id, kindAnswer, []byte("three"))
	case "Fail":
		return appendFrame(nil, id, kindError, []byte{0, 7}, []byte("closed on Sundays"))
	}
	return appendFrame(nil, id, kindAnswer, body)
}

// hasLogins is how many connections have logged in.
func (p *peer) hasLogins() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logins
}
