package transport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// pipes is a net.Listener of in-memory connections, for bubbles of synctest.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case nc := <-p.conns:
		return nc, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// dial connects to whoever accepts.
func (p *pipes) dial(t *testing.T) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
	case <-p.closed:
		t.Fatal("the listener is closed")
	case <-time.After(time.Minute):
		t.Fatal("nobody accepts")
	}
	return ours
}

// DialContext is for muxpool.WithDialContext.
func (p *pipes) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// request is the frame of a request.
func request(t *testing.T, id uint32, method, body string) []byte {
	t.Helper()
	frame, err := native.Protocol{}.AppendRequest(nil, id, &transport.Message{Method: method, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// answer is what a scripted client got.
type answer struct {
	id   uint32
	body string
	err  error // an error answer
	kind byte
}

// readAnswer reads one frame, which may also be a going-away, and passes over the
// server's settings.
func readAnswer(r io.Reader) (answer, error) {
	id, frame, err := native.Protocol{}.Parse(r)
	if err == nil && (native.Protocol{}).ClassifyFrame(id, frame) == muxpool.FrameSettings {
		id, frame, err = native.Protocol{}.Parse(r)
	}
	if err != nil {
		return answer{}, err
	}
	a := answer{id: id, kind: frame[5]}
	var m transport.Message
	a.err = native.Protocol{}.ParseResponse(frame, &m)
	a.body = string(m.Body)
	return a, nil
}

// readAll collects what arrives on nc, as long as it does.
func readAll(nc net.Conn) <-chan answer {
	answers := make(chan answer, 1<<15)
	go func() {
		defer close(answers)
		for {
			a, err := readAnswer(nc)
			if err != nil {
				return
			}
			answers <- a
		}
	}()
	return answers
}
