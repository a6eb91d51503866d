package native_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// scripted is a pool whose peer is the test itself, at the far end of a connection in
// memory.
type scripted struct {
	t     *testing.T
	pool  *muxpool.Multiplexed
	conns chan net.Conn
	nc    net.Conn // of the peer's; nil before accept
}

func newScripted(t *testing.T, opts ...muxpool.PoolOption) *scripted {
	s := &scripted{t: t, conns: make(chan net.Conn, 16)}
	dial := func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		_ = far.SetDeadline(time.Now().Add(waitTime))
		s.conns <- far
		return near, nil
	}
	s.pool = newPool(t, append(opts, muxpool.WithDialContext(dial))...)
	t.Cleanup(func() {
		for s.nc != nil {
			s.nc.Close()
			select {
			case s.nc = <-s.conns:
			default:
				s.nc = nil
			}
		}
	})
	return s
}

// pending is a call that has begun.
type pending struct {
	t    *testing.T
	body string
	done chan struct{}
	got  []byte
	err  error
}

// call begins a call.
func (s *scripted) call(body string) *pending {
	c := &pending{t: s.t, body: body, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.got, c.err = call(s.pool, transport.Node{Network: "tcp", Address: "peer:1"}, nil)(testContext(s.t), "M", []byte(body))
	}()
	return c
}

func (c *pending) result() (string, error) {
	c.t.Helper()
	wait(c.t, "the call of "+c.body, c.done)
	return string(c.got), c.err
}

// accept waits for the pool's next connection.
func (s *scripted) accept() {
	s.t.Helper()
	if s.nc != nil {
		s.nc.Close()
	}
	s.nc = wait(s.t, "a connection", s.conns)
}

// asked is a request that the peer got.
type asked struct {
	id   uint32
	body string
}

// frame reads the next frame from the pool.
func (s *scripted) frame() (uint32, []byte) {
	s.t.Helper()
	if s.nc == nil {
		s.accept()
	}
	id, frame, err := native.Protocol{}.Parse(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	return id, frame
}

// request reads the next request, and passes over settings.
func (s *scripted) request() asked {
	s.t.Helper()
	for {
		id, frame := s.frame()
		if frame[5] == 8 {
			continue
		}
		var req transport.Message
		if err := (native.Protocol{}).ParseRequest(frame, &req); err != nil {
			s.t.Fatal(err)
		}
		return asked{id, string(req.Body)}
	}
}

func (s *scripted) write(frames ...[]byte) {
	s.t.Helper()
	write(s.t, s.nc, frames...)
}

// answer answers a request with its own body, behind the other frames.
func (s *scripted) answer(a asked, before ...[]byte) {
	s.t.Helper()
	s.write(append(before, appendAnswer(s.t, a.id, body(a.body)))...)
}

// exchange is a whole call, answered behind the frames.
func (s *scripted) exchange(text string, before ...[]byte) {
	s.t.Helper()
	c := s.call(text)
	s.answer(s.request(), before...)
	if got, err := c.result(); err != nil || got != text {
		s.t.Fatalf("%s: got %q, %v", text, got, err)
	}
}
