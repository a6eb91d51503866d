package transport_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// nilError panics when it is asked for its text: a nil pointer is no nil error.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// rude fails with such an error, once.
type rude struct {
	native.Protocol
	part string
	done atomic.Bool
}

func (p *rude) at(part string, err error) error {
	if p.part == part && p.done.CompareAndSwap(false, true) {
		return (*nilError)(nil)
	}
	return err
}

func (p *rude) ServerHandshake(context.Context, net.Conn) error { return p.at("handshake", nil) }

func (p *rude) Parse(r io.Reader) (id uint32, frame []byte, err error) {
	id, frame, err = p.Protocol.Parse(r)
	return id, frame, p.at("parser", err)
}

func (p *rude) ParseRequest(frame []byte, req *transport.Message) error {
	return p.at("request parser", p.Protocol.ParseRequest(frame, req))
}

func (p *rude) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	b, err := p.Protocol.AppendResponse(dst, id, req, resp)
	return b, p.at("response", err)
}

// rudeListener makes connections of p's.
type rudeListener struct {
	net.Listener
	p *rude
}

func (l rudeListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	return rudeConn{nc, l.p}, err
}

type rudeConn struct {
	net.Conn
	p *rude
}

func (c rudeConn) Read(b []byte) (int, error) {
	if err := c.p.at("Read", nil); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c rudeConn) Write(b []byte) (int, error) {
	if err := c.p.at("Write", nil); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// TestErrorsThatPanicEndTheirConnectionOnly: whatever is plugged in fails with an error that
// panics when it is asked for its text: the process, and the other connections, go on.
func TestErrorsThatPanicEndTheirConnectionOnly(t *testing.T) {
	cert := newAuthority(t).issue(t, "server", time.Now().Add(time.Hour))
	for _, part := range []string{"handshake", "parser", "request parser", "response", "Read", "Write", "tls", "decoder", "encoder", "endpoint"} {
		t.Run(part, func(t *testing.T) {
			p := &rude{part: part}
			options := []transport.ServiceOption{transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(
				func(_ context.Context, err error) { _ = err.Error() }))}
			if part == "tls" {
				options = append(options, transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert},
					VerifyConnection: func(tls.ConnectionState) error { return p.at("tls", nil) }}))
			}
			m := transport.NewServer(
				func(_ context.Context, r any) (any, error) { return r, p.at("endpoint", nil) },
				func(_ context.Context, m *transport.Message) (any, error) {
					return append([]byte(nil), m.Body...), p.at("decoder", nil)
				},
				func(_ context.Context, m *transport.Message, r any) error {
					m.Body = r.([]byte)
					return p.at("encoder", nil)
				})
			s := serveOn(t, rudeListener{listen(t), p}, p, map[string]*transport.Server{"M": m}, options...)
			first := dialSite(t, s, part == "tls")
			if err := callOnce(t, first); err == nil {
				t.Error("the first was answered")
			}
			first.Close()
			second := dialSite(t, s, part == "tls")
			if err := callOnce(t, second); err != nil {
				t.Errorf("the second: %v", err)
			}
			second.Close()
			if err := s.Shutdown(testContext(t)); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
}
