package transport_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// mirror is a socket that counts what is sent, and forges the source of what comes: all
// of it seems to come from the socket itself.
type mirror struct {
	net.PacketConn
	read, written atomic.Int64
}

func (m *mirror) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := m.PacketConn.ReadFrom(b)
	if err == nil {
		m.read.Add(1)
	}
	return n, m.LocalAddr(), err
}

func (m *mirror) WriteTo(b []byte, to net.Addr) (int, error) {
	m.written.Add(1)
	return m.PacketConn.WriteTo(b, to)
}

// TestForgedDatagramIsAnsweredOnce: a request that seems to come from the Service's own
// address gets one answer, which the Service reads, and does not answer.
func TestForgedDatagramIsAnsweredOnce(t *testing.T) {
	for name, p := range map[string]transport.ServerProtocol{
		"native": native.Protocol{}, "JSON-RPC": jsonrpc.Protocol{}, "tRPC": trpc.Protocol{ContentType: trpc.ContentJSON},
	} {
		for _, method := range []string{"M", "/a.B/Unknown"} {
			pc, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			m := &mirror{PacketConn: pc}
			s := transport.NewService(p)
			s.Handle("M", rawServer(echo))
			served := make(chan error, 1)
			go func() { served <- s.ServePacket(m) }()
			nc, err := net.Dial("udp", pc.LocalAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			frame, err := p.AppendRequest(nil, 7, &transport.Message{Method: method, Body: []byte(`"x"`)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nc.Write(frame); err != nil {
				t.Fatal(err)
			}
			// The forged request and its answer, then some more that are told from them.
			reached := func(n int64) {
				for end := time.Now().Add(waitTime); m.read.Load() < n && time.Now().Before(end); {
					time.Sleep(time.Millisecond) // between two looks
				}
				if m.read.Load() < n {
					t.Fatalf("%s: %d datagrams were read, not %d", name, m.read.Load(), n)
				}
			}
			reached(2)
			for i := range int64(10) {
				if _, err := nc.Write(frame); err != nil {
					t.Fatal(err)
				}
				reached(2 * (i + 2))
			}
			if n := m.written.Load(); n != 11 {
				t.Errorf("%s %s: 11 requests caused %d answers", name, method, n)
			}
			nc.Close()
			s.Close()
			if err := wait(t, "ServePacket", served); !errors.Is(err, transport.ErrServiceClosed) {
				t.Error(err)
			}
		}
	}
}

// TestAmplificationIsBounded: an answer is at most so many times as large as its request;
// who asks for more gets less, and where even that is too much, nothing.
func TestAmplificationIsBounded(t *testing.T) {
	for _, c := range []struct {
		factor, size int
		want         string
	}{{3, 1, "an answer"}, {3, 1000, "too large"}, {1, 10, "nothing"}} {
		handled := make(chan error, 8)
		s := servePacket(t, map[string]*transport.Server{"Grow": rawServer(func(_ context.Context, r any) (any, error) {
			return []byte(strings.Repeat("x", 10*len(r.([]byte)))), nil
		}, transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { handled <- err })))},
			transport.ServiceMaxAmplification(c.factor))
		nc, err := net.Dial("udp", s.node.Address)
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(waitTime))
		frame := request(t, 7, "Grow", strings.Repeat("y", c.size))
		if _, err := nc.Write(frame); err != nil {
			t.Fatal(err)
		}
		if c.want != "an answer" {
			if err := wait(t, "the error handler", handled); !strings.Contains(err.Error(), "are allowed") {
				t.Errorf("handled %v", err)
			}
		}
		if c.want == "nothing" { // then what comes next is the pong
			frame = native.Protocol{}.AppendKeepAlive(nil, 9)
			if _, err := nc.Write(frame); err != nil {
				t.Fatal(err)
			}
		}
		buf := make([]byte, 1<<16)
		n, err := nc.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		var m transport.Message
		var e *transport.Error
		_ = errors.As(native.Protocol{}.ParseResponse(buf[:n], &m), &e)
		switch {
		case n > c.factor*len(frame):
			t.Errorf("factor %d: a request of %d bytes was answered with %d", c.factor, len(frame), n)
		case c.want == "an answer" && len(m.Body) != 10*c.size,
			c.want == "too large" && (e == nil || e.Code != transport.CodeTooLarge),
			c.want == "nothing" && buf[11] != 9:
			t.Errorf("%s is wanted, answered with %x", c.want, buf[:n])
		}
		nc.Close()
	}
}

// TestInlineHandlerMayEndItsGoroutineOnDatagrams: the socket is served on.
func TestInlineHandlerMayEndItsGoroutineOnDatagrams(t *testing.T) {
	reports := make(chan error, 8)
	s := servePacket(t, map[string]*transport.Server{
		"Exit": rawServer(func(context.Context, any) (any, error) { runtime.Goexit(); return nil, nil }, transport.ServerInline()),
		"M":    rawServer(echo),
	}, reportTo(reports))
	pool := newPool(t)
	ctx, cancel := context.WithCancel(testContext(t))
	ended := make(chan error, 1)
	go func() {
		_, err := rawClient(pool, s.node, "Exit")(ctx, []byte{})
		ended <- err
	}()
	wait(t, "the report", reports)
	cancel()
	if err := wait(t, "the call", ended); err == nil {
		t.Error("answered")
	}
	if _, err := rawClient(pool, s.node, "M")(testContext(t), []byte{}); err != nil {
		t.Errorf("after it: %v", err)
	}
}
