package protocoltest

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// testDatagrams: a Service never answers an answer, lest two, or one whose own address
// was forged, answer each other for ever.
func (k *kit) testDatagrams(t *testing.T) {
	inline := func(e func(context.Context, any) (any, error)) *transport.Server {
		return transport.NewServer(e, transport.DecodeBytes, transport.EncodeBytes, transport.ServerInline())
	}
	s := transport.NewService(k.server)
	s.Handle(k.method, inline(func(_ context.Context, r any) (any, error) { return r, nil }))
	s.Handle(failMethod, inline(func(context.Context, any) (any, error) { return nil, errors.New("failed") }))
	pc := &packets{in: make(chan []byte), out: make(chan []byte, 16), closed: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- s.ServePacket(pc) }()
	defer func() {
		_ = s.Close()
		if err := <-ended; !errors.Is(err, transport.ErrServiceClosed) {
			t.Errorf("ServePacket: %v", err)
		}
	}()
	answers := func(method string, body []byte) (answer []byte) {
		frame, err := k.p.AppendRequest(nil, k.ids()[0], &transport.Message{Method: method, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		pc.in <- frame
		select {
		case answer = <-pc.out:
		case <-time.After(waitTime):
			t.Fatalf("a request for %q is not answered", method)
		}
		return answer
	}
	for _, method := range []string{k.method, failMethod, "Test.Unknown"} {
		for i, body := range k.bodies {
			pc.in <- answers(method, body)
			if first := answers(k.method, k.bodies[0]); len(pc.out) > 0 { // to this request there is one answer
				t.Errorf("the answer of %s to body %d is answered with %.200q", method, i, first)
				<-pc.out
			}
		}
	}
}

// packets is a net.PacketConn in memory.
type packets struct {
	in, out chan []byte
	closed  chan struct{}
}

func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-p.in:
		return copy(b, d), p.LocalAddr(), nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *packets) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.out <- append([]byte(nil), b...)
	return len(b), nil
}

func (p *packets) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *packets) LocalAddr() net.Addr              { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (p *packets) SetDeadline(time.Time) error      { return nil }
func (p *packets) SetReadDeadline(time.Time) error  { return p.Close() }
func (p *packets) SetWriteDeadline(time.Time) error { return nil }
