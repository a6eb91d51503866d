package transport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// trap is user code that is well the first time and the third, and does what it does the second.
type trap struct {
	calls atomic.Int64
	do    func()
}

func (b *trap) spring() {
	if b.calls.Add(1) == 2 {
		b.do()
	}
}

// trapped is a protocol with a trap in one of its parts.
type trapped struct {
	native.Protocol
	part string
	*trap
}

func (p trapped) at(part string) {
	if p.part == part {
		p.spring()
	}
}

func (p trapped) ServerHandshake(context.Context, net.Conn) error { p.at("handshake"); return nil }
func (p trapped) Separates(byte) bool                             { p.at("separator"); return false }
func (p trapped) ClassifyRequest(id uint32, frame []byte) transport.RequestKind {
	p.at("classifier")
	return p.Protocol.ClassifyRequest(id, frame)
}
func (p trapped) Parse(r io.Reader) (uint32, []byte, error) {
	p.at("parser")
	return p.Protocol.Parse(r)
}
func (p trapped) ParseRequest(frame []byte, req *transport.Message) error {
	p.at("request parser")
	return p.Protocol.ParseRequest(frame, req)
}
func (p trapped) AppendSettings(dst []byte, s muxpool.Settings) []byte {
	p.at("settings")
	return p.Protocol.AppendSettings(dst, s)
}

// oddListener makes connections one method of which is a trap.
type oddListener struct {
	net.Listener
	method string
	*trap
}

func (l oddListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.trap.calls.Add(1)
	return &oddConn{nc, l.method, &trap{do: l.do}, l.trap.calls.Load() == 2}, nil
}

type oddConn struct {
	net.Conn
	method string
	trap   *trap
	odd    bool
}

func (c *oddConn) at(method string) {
	if c.odd && c.method == method {
		c.trap.do()
	}
}

func (c *oddConn) Read(p []byte) (int, error)    { c.at("Read"); return c.Conn.Read(p) }
func (c *oddConn) Write(p []byte) (int, error)   { c.at("Write"); return c.Conn.Write(p) }
func (c *oddConn) Close() error                  { defer c.at("Close"); return c.Conn.Close() }
func (c *oddConn) LocalAddr() net.Addr           { c.at("LocalAddr"); return c.Conn.LocalAddr() }
func (c *oddConn) RemoteAddr() net.Addr          { c.at("RemoteAddr"); return c.Conn.RemoteAddr() }
func (c *oddConn) SetDeadline(t time.Time) error { c.at("SetDeadline"); return c.Conn.SetDeadline(t) }
func (c *oddConn) SetReadDeadline(t time.Time) error {
	c.at("SetReadDeadline")
	return c.Conn.SetReadDeadline(t)
}
func (c *oddConn) SetWriteDeadline(t time.Time) error {
	c.at("SetWriteDeadline")
	return c.Conn.SetWriteDeadline(t)
}

// site is a place where a Service calls code of others.
type site struct {
	protocol transport.ServerProtocol
	option   transport.ServiceOption
	listener func(net.Listener) net.Listener
	tls      bool
}

func sites(t *testing.T, b *trap) map[string]site {
	cert := newAuthority(t).issue(t, "server", time.Now().Add(time.Hour))
	withTLS := func(change func(*tls.Config)) site {
		cfg := &tls.Config{Certificates: []tls.Certificate{cert}}
		change(cfg)
		return site{option: transport.ServiceTLSConfig(cfg), tls: true}
	}
	all := map[string]site{
		"ServiceConnContext": {option: transport.ServiceConnContext(func(ctx context.Context, _ net.Conn) context.Context { b.spring(); return ctx })},
		"tls GetCertificate": withTLS(func(c *tls.Config) {
			c.Certificates = nil
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { b.spring(); return &cert, nil }
		}),
		"tls GetConfigForClient": withTLS(func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { b.spring(); return nil, nil }
		}),
		"tls VerifyConnection": withTLS(func(c *tls.Config) {
			c.VerifyConnection = func(tls.ConnectionState) error { b.spring(); return nil }
		}),
	}
	for _, part := range []string{"handshake", "separator", "classifier", "parser", "request parser", "settings"} {
		all["protocol: "+part] = site{protocol: trapped{part: part, trap: b}}
	}
	for _, method := range []string{"Read", "Write", "LocalAddr", "RemoteAddr", "SetDeadline", "SetReadDeadline", "SetWriteDeadline", "Close"} {
		all["connection: "+method] = site{listener: func(l net.Listener) net.Listener { return oddListener{l, method, b} }}
	}
	return all
}

// dialSite connects a client to s; a failure is one of the first exchange.
func dialSite(t *testing.T, s *service, withTLS bool) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	if withTLS {
		return tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	return nc
}

// callOnce makes a call on a connection of its own.
func callOnce(t *testing.T, nc net.Conn) error {
	t.Helper()
	if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
		return err
	}
	a, err := readAnswer(nc)
	if err == nil && (a.err != nil || a.body != "x") {
		err = fmt.Errorf("got %+v", a)
	}
	return err
}

// TestUserCodeEndsItsConnectionOnly: whatever is plugged in panics, or ends its goroutine,
// on one connection: that one ends, the others go on, and nothing stays behind.
func TestUserCodeEndsItsConnectionOnly(t *testing.T) {
	ways := map[string]func(){
		"panics": func() { panic("boom") },
		"Goexit": runtime.Goexit,
	}
	for way, do := range ways {
		for name := range sites(t, &trap{do: do}) {
			t.Run(name+" "+way, func(t *testing.T) {
				b := &trap{do: do}
				at := sites(t, b)[name]
				reports := make(chan error, 32)
				options := []transport.ServiceOption{transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(
					func(_ context.Context, err error) { reports <- err }))}
				if at.option != nil {
					options = append(options, at.option)
				}
				if at.protocol == nil {
					at.protocol = native.Protocol{}
				}
				l := listen(t)
				if at.listener != nil {
					l = at.listener(l)
				}
				s := serveOn(t, l, at.protocol, map[string]*transport.Server{"M": rawServer(echo)}, options...)
				first := dialSite(t, s, at.tls)
				defer first.Close()
				if err := callOnce(t, first); err != nil {
					t.Fatalf("the first: %v", err)
				}
				second := dialSite(t, s, at.tls)
				err := callOnce(t, second)
				second.Close()
				if small := strings.HasPrefix(name, "connection") && name != "connection: Read" && name != "connection: Write"; !small {
					if err == nil {
						t.Error("the second was answered")
					}
					if err := wait(t, "the report", reports); way == "panics" && !errors.Is(err, transport.ErrPanicked) {
						t.Errorf("reported %v", err)
					}
				}
				third := dialSite(t, s, at.tls)
				defer third.Close()
				if err := callOnce(t, third); err != nil {
					t.Errorf("the third: %v", err)
				}
				first.Close()
				third.Close()
				if err := s.Shutdown(testContext(t)); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
		}
	}
}

// TestConnContextOfNil: a function of ServiceConnContext that returns no context ends the
// connection with an error that names the option.
func TestConnContextOfNil(t *testing.T) {
	reports := make(chan error, 1)
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)},
		transport.ServiceConnContext(func(context.Context, net.Conn) context.Context { return nil }),
		transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reports <- err })))
	nc := dialSite(t, s, false)
	defer nc.Close()
	if err := wait(t, "the report", reports); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("reported %v", err)
	}
}

// TestErrorHandlerHoldsUpNobody: a handler that blocks, panics or ends its goroutine is
// heard of by nobody; what it misses is counted.
func TestErrorHandlerHoldsUpNobody(t *testing.T) {
	for name, way := range map[string]func(release <-chan struct{}){
		"blocks": func(release <-chan struct{}) { <-release },
		"panics": func(<-chan struct{}) { panic("boom") },
		"Goexit": func(<-chan struct{}) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var heard atomic.Int64
				p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceMaxConns(1),
					transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(context.Context, error) {
						heard.Add(1)
						way(release)
					})))
				defer stop()
				defer close(release)
				nc := p.dial(t)
				defer nc.Close()
				synctest.Wait()
				for range 100 { // each is one too many, and reported
					closesAfter(t, p.dial(t), 0)
					time.Sleep(100 * time.Millisecond)
				}
				if err := callOnce(t, nc); err != nil {
					t.Error(err)
				}
				if n := heard.Load(); name == "blocks" && n != 1 || name != "blocks" && n != 100 {
					t.Errorf("the handler heard %d reports", n)
				}
				if n := s.Stats().Refused.Conns; n != 100 {
					t.Errorf("%d refused", n)
				}
			})
		})
	}
}
