package protocoltest

import (
	"net"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// Serve starts a peer for a test, on the loopback interface, and returns where. script is
// its life on each connection: it reads and writes what the test is about, and the
// connection is closed when it returns. Serve's cleanup waits for all of them: their
// connections are closed first. script must not call t.FailNow.
func Serve(t testing.TB, script func(c *Conn)) transport.Node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{open: make(map[net.Conn]struct{})}
	p.running.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			if !p.enter(nc) {
				return
			}
			p.running.Go(func() {
				defer p.leave(nc)
				script(&Conn{Conn: nc, reader: wire.NewReader(nc, 0)})
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.end()
		p.running.Wait()
	})
	return transport.Node{Network: "tcp", Address: l.Addr().String()}
}

// peer is what Serve has started.
type peer struct {
	running sync.WaitGroup
	// mu guards the fields below.
	mu    sync.Mutex
	open  map[net.Conn]struct{}
	ended bool
}

func (p *peer) enter(nc net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		_ = nc.Close()
		return false
	}
	p.open[nc] = struct{}{}
	return true
}

func (p *peer) leave(nc net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, nc)
	_ = nc.Close()
}

func (p *peer) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for nc := range p.open {
		_ = nc.Close()
	}
}

// Conn is a connection to a scripted peer. Read must not be used with Frame, which reads
// ahead.
type Conn struct {
	net.Conn
	reader *wire.Reader
}

// Frame reads the next frame, which parser cuts, as a pool does. Of a protocol whose Parse
// reads answers only, give it a parser for requests.
func (c *Conn) Frame(parser muxpool.FrameParser) (id uint32, frame []byte, err error) {
	c.reader.BeginFrame()
	return parser.Parse(c.reader)
}

// Next reads the next n bytes, whatever they are.
func (c *Conn) Next(n int) ([]byte, error) {
	c.reader.BeginFrame()
	b, err := c.reader.Peek(n)
	b = append([]byte(nil), b...)
	if err == nil {
		_, err = c.reader.Discard(n)
	}
	return b, err
}
