package transport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func TestUnknownMethodIsAnsweredAlone(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	pool := newPool(t)
	_, err := rawClient(pool, s.node, "N\n\x1b[31m")(testContext(t), []byte{})
	if e := asError(t, err); e.Code != transport.CodeUnimplemented || strings.ContainsAny(e.Message, "\n\x1b") {
		t.Errorf("got %v", err)
	}
	if _, err := rawClient(pool, s.node, "M")(testContext(t), []byte{}); err != nil {
		t.Errorf("after it: %v", err)
	}
	if n := pool.Stats().Dials; n > 2 {
		t.Errorf("%d dials: the connection was not kept", n)
	}
}

func TestGarbageEndsTheConnectionOnly(t *testing.T) {
	for name, garbage := range map[string]string{
		"garbage": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"length":  "\xff\xff\xff\xff\x01\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00",
		"large":   "\x7f\xff\xff\x00\x01\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
				defer stop()
				healthy, nc := p.dial(t), p.dial(t)
				go func() { _, _ = io.WriteString(nc, garbage) }()
				closesAfter(t, nc, 0)
				if _, err := healthy.Write(request(t, 1, "M", "x")); err != nil {
					t.Fatal(err)
				}
				if a, err := readAnswer(healthy); err != nil || a.body != "x" {
					t.Errorf("another connection got %+v, %v", a, err)
				}
				healthy.Close()
			})
		})
	}
}

// touchy panics on frames of one method.
type touchy struct{ native.Protocol }

func (p touchy) ParseRequest(frame []byte, req *transport.Message) error {
	err := p.Protocol.ParseRequest(frame, req)
	if req.Method == "Panic" {
		panic("the protocol's own")
	}
	return err
}

func TestPanicInTheProtocolEndsTheConnectionOnly(t *testing.T) {
	reports := make(chan error, 1)
	s := serveProtocol(t, touchy{}, map[string]*transport.Server{"M": rawServer(echo)},
		transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reports <- err })))
	pool := newPool(t)
	if _, err := rawClient(pool, s.node, "Panic")(testContext(t), []byte{}); asError(t, err).Code != transport.CodeConnection {
		t.Errorf("got %v", err)
	}
	if err := wait(t, "the report", reports); !errors.Is(err, transport.ErrPanicked) {
		t.Errorf("reported %v", err)
	}
	if _, err := rawClient(pool, s.node, "M")(testContext(t), []byte{}); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// The parts that a connection meets at its beginning and its end, with a panic each.
type (
	panicSettings struct{ native.Protocol }
	panicClients  struct{ native.Protocol }
	panicFarewell struct{ native.Protocol }
)

func (panicSettings) AppendSettings([]byte, muxpool.Settings) []byte { panic("own settings") }
func (panicClients) ReadSettings([]byte) (muxpool.Settings, error)   { panic("the client's settings") }
func (panicFarewell) AppendFarewell([]byte, error) []byte            { panic("farewell") }

func TestPanicInSettingsEndsTheConnectionOnly(t *testing.T) {
	for name, p := range map[string]transport.ServerProtocol{"own settings": panicSettings{}, "the client's settings": panicClients{}, "farewell": panicFarewell{}} {
		reports := make(chan error, 1)
		s := serveProtocol(t, p, map[string]*transport.Server{"M": rawServer(echo)},
			transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reports <- err })))
		for range 2 { // the second finds the Service as it was
			nc, err := net.Dial("tcp", s.node.Address)
			if err != nil {
				t.Fatal(err)
			}
			frames := append(native.Protocol{}.AppendSettings(nil, muxpool.Settings{}), request(t, 1, "M", "x")...)
			if _, err := nc.Write(append(frames, make([]byte, 16)...)); err != nil {
				t.Fatal(err)
			}
			if err := wait(t, "the report", reports); !errors.Is(err, transport.ErrPanicked) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: reported %v", name, err)
			}
			nc.Close()
		}
	}
}

func TestServiceInvalid(t *testing.T) {
	for want, option := range map[string]transport.ServiceOption{
		"ServiceMaxConns(-1)":             transport.ServiceMaxConns(-1),
		"ServiceMaxInFlight: perConn(-1)": transport.ServiceMaxInFlight(-1, 0),
		"ServiceMaxInFlight: total(-2)":   transport.ServiceMaxInFlight(0, -2),
		"ServiceMaxFrameSize(-1)":         transport.ServiceMaxFrameSize(-1),
		"ServiceMaxQueuedBytes(-1)":       transport.ServiceMaxQueuedBytes(-1),
		"ServiceWorkers(-1)":              transport.ServiceWorkers(-1),
		"ServiceMaxWaiting(-1)":           transport.ServiceMaxWaiting(-1),
		"ServiceMaxBytes: perConn(-1)":    transport.ServiceMaxBytes(-1, 0),
		"ServiceMaxBytes: total(-1)":      transport.ServiceMaxBytes(0, -1),
		"ServiceMaxMetadata: pairs(-1)":   transport.ServiceMaxMetadata(-1, 0),
		"ServiceMaxMetadata: bytes(-1)":   transport.ServiceMaxMetadata(0, -1),
		"ServiceIdleTimeout(-1s)":         transport.ServiceIdleTimeout(-time.Second),
		"ServiceFrameTimeout(-1s)":        transport.ServiceFrameTimeout(-time.Second),
		"ServiceMaxAmplification(-1)":     transport.ServiceMaxAmplification(-1),
		"ServiceFrameRate(-1)":            transport.ServiceFrameRate(-1),
		"ServiceMaxConnAge(-1s)":          transport.ServiceMaxConnAge(-time.Second),
		"ServiceWriteTimeout(-1s)":        transport.ServiceWriteTimeout(-time.Second),
		"ServiceHandshakeTimeout(-1s)":    transport.ServiceHandshakeTimeout(-time.Second),
		"ServiceErrorHandler(nil)":        transport.ServiceErrorHandler(nil),
	} {
		s := transport.NewService(native.Protocol{}, option)
		l := newPipes()
		err := s.Serve(l)
		if !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if _, err := l.Accept(); err == nil {
			t.Errorf("%s: the listener is open", want)
		}
	}
	s := transport.NewService(nil)
	s.Handle("", rawServer(echo))
	s.Handle("M", nil)
	s.Handle("N", rawServer(echo))
	s.Handle("N", rawServer(echo))
	s.Handle("O", rawServer(nil))
	s.Handle("P", rawServer(echo, transport.ServerErrorEncoder(nil)))
	s.Handle("mux.Health", rawServer(echo))
	for _, want := range []string{"the protocol is nil", "method is empty", "Handle(M): the server is nil", "Handle(N): the method has a server",
		"Handle(O): its endpoint", "Handle(P): its error encoder", "Handle(mux.Health): names that begin"} {
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
