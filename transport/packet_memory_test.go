package transport_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// packets is a datagram socket in memory, for bubbles of synctest, with one peer.
type packets struct {
	in            chan arrival
	out           chan []byte
	wake, closed  chan struct{}
	once, endOnce sync.Once
	write         func() error // what becomes of a datagram that is sent
}

// arrival is what a read returns.
type arrival struct {
	datagram []byte
	err      error
}

func newPackets() *packets {
	return &packets{in: make(chan arrival), out: make(chan []byte, 100), wake: make(chan struct{}), closed: make(chan struct{}), write: func() error { return nil }}
}

func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case a := <-p.in:
		return copy(b, a.datagram), p.LocalAddr(), a.err
	case <-p.wake:
		return 0, nil, os.ErrDeadlineExceeded
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *packets) WriteTo(b []byte, _ net.Addr) (int, error) {
	if err := p.write(); err != nil {
		return 0, err
	}
	p.out <- bytes.Clone(b)
	return len(b), nil
}

func (p *packets) Close() error                      { p.endOnce.Do(func() { close(p.closed) }); return nil }
func (p *packets) LocalAddr() net.Addr               { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9} }
func (p *packets) SetDeadline(t time.Time) error     { return p.SetReadDeadline(t) }
func (p *packets) SetWriteDeadline(time.Time) error  { return nil }
func (p *packets) SetReadDeadline(t time.Time) error { p.once.Do(func() { close(p.wake) }); return nil }

func (p *packets) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// send has a datagram arrive.
func (p *packets) send(t *testing.T, datagram []byte) {
	t.Helper()
	select {
	case p.in <- arrival{datagram: datagram}:
	case <-time.After(time.Minute):
		t.Fatal("nobody reads")
	}
	synctest.Wait()
}

// answer is what was sent next.
func (p *packets) answer(t *testing.T) answer {
	t.Helper()
	a, err := readAnswer(bytes.NewReader(bounded.Receive(t, p.out)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// servePackets serves a socket in memory; what ServePacket returns comes from served.
func servePackets(methods map[string]*transport.Server, options ...transport.ServiceOption) (p *packets, s *transport.Service, served chan error) {
	p, s, served = newPackets(), transport.NewService(native.Protocol{}, options...), make(chan error, 1)
	for method, server := range methods {
		s.Handle(method, server)
	}
	go func() { served <- s.ServePacket(p) }()
	return p, s, served
}

// TestDatagramsThatFail: that one cannot be read, or sent, is told, and the next one is served.
func TestDatagramsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports, handled := make(chan error, 9), make(chan error, 9)
		p, s, served := servePackets(map[string]*transport.Server{"M": rawServer(echo, transport.ServerErrorHandler(
			kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { handled <- err })))}, reportTo(reports))
		for id := range uint32(2) {
			p.in <- arrival{err: &net.OpError{Op: "read", Err: syscall.ECONNREFUSED}}
			p.send(t, request(t, id+1, "M", "x"))
			if a := p.answer(t); a.id != id+1 || a.body != "x" {
				t.Errorf("got %+v", a)
			}
			if err := bounded.Receive(t, reports); !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "transport: read from 192.0.2.1:9: ") {
				t.Errorf("reported as %v", err)
			}
		}
		p.write = func() error { return errors.New("no buffers") }
		p.send(t, request(t, 3, "M", "x"))
		if err := bounded.Receive(t, handled); !strings.Contains(err.Error(), "no buffers") {
			t.Errorf("the error handler got %v", err)
		}
		p.send(t, native.Protocol{}.AppendKeepAlive(nil, 4))
		if err := bounded.Receive(t, reports); !strings.Contains(err.Error(), "192.0.2.1:9: no buffers") {
			t.Errorf("of a ping is reported %v", err)
		}
		p.write = func() error { return nil }
		p.send(t, native.Protocol{}.AppendKeepAlive(nil, 5))
		if a := p.answer(t); a.id != 5 || a.kind != 6 || len(reports)+len(handled) != 0 {
			t.Errorf("got %+v, and %d more are told", a, len(reports)+len(handled))
		}
		s.Close()
		bounded.Receive(t, served)
	})
}

// TestEndOfADatagramSocket: it is closed, counted out, and the contexts of its calls end; Shutdown waits for
// them, and Close does not.
func TestEndOfADatagramSocket(t *testing.T) {
	for name, end := range map[string]func(*transport.Service) error{
		"Close":    (*transport.Service).Close,
		"Shutdown": func(s *transport.Service) error { return s.Shutdown(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan error, 1)
				p, s, served := servePackets(map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
					select {
					case <-ctx.Done():
					case <-time.After(time.Minute):
					}
					ended <- ctx.Err()
					return r, nil
				})})
				p.send(t, request(t, 1, "M", "x"))
				if st := s.Stats(); st.Conns != 1 || st.InFlight != 1 || st.Bytes == 0 {
					t.Errorf("it is counted as %+v", st)
				}
				begin := time.Now()
				if err := end(s); err != nil {
					t.Error(err)
				}
				if err := bounded.Receive(t, served); !errors.Is(err, transport.ErrServiceClosed) {
					t.Errorf("ServePacket: %v", err)
				}
				want, takes := context.Canceled, time.Duration(0)
				if name == "Shutdown" {
					want, takes = nil, time.Minute
				}
				if err := bounded.Receive(t, ended); err != want || time.Since(begin) != takes {
					t.Errorf("the call's context has ended with %v, after %v, want %v and %v", err, time.Since(begin), want, takes)
				}
				synctest.Wait()
				if st := s.Stats(); st.Conns != 0 || st.InFlight != 0 || st.Bytes != 0 || !p.isClosed() {
					t.Errorf("the socket is closed: %v, left are %+v", p.isClosed(), st)
				}
			})
		})
	}
}

// TestSocketsThatAreNotServed: they are closed, and nothing is left for Shutdown to wait for.
func TestSocketsThatAreNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cert := newAuthority(t).issue(t, "server", time.Now().Add(time.Hour))
		for want, option := range map[string]transport.ServiceOption{
			"ServePacket: ServiceTLSConfig is for connections":       transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}),
			"ServiceMaxConns(-1) is negative":                        transport.ServiceMaxConns(-1),
			"transport: too many connections: connection refused, 1": transport.ServiceMaxConns(1),
		} {
			s := transport.NewService(native.Protocol{}, option)
			served := make(chan error, 2)
			all := []*packets{newPackets(), newPackets()}
			for _, p := range all {
				go func() { served <- s.ServePacket(p) }()
				synctest.Wait()
			}
			if err := bounded.Receive(t, served); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
			if !all[1].isClosed() {
				t.Errorf("%s: the socket is open", want)
			}
			if h := s.Health(""); (h == transport.HealthServing) != strings.HasPrefix(want, "transport") { // there one is served
				t.Errorf("%s: the health is %v", want, h)
			}
			ended := make(chan error, 1)
			go func() { ended <- s.Shutdown(context.Background()) }()
			if err := bounded.Receive(t, ended); err != nil {
				t.Error(err)
			}
			bounded.Receive(t, served)
		}
	})
}

// TestWorkersOfDatagrams: they bound the calls that run, and others wait, as many as may.
func TestWorkersOfDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		release := make(chan struct{})
		p, s, served := servePackets(blocking(&running, release), transport.ServiceWorkers(1), transport.ServiceMaxWaiting(1))
		for id := range uint32(3) {
			p.send(t, request(t, id+1, "M", "x"))
		}
		if a := p.answer(t); a.id != 3 || !refusedAnswer(a) {
			t.Errorf("got %+v", a)
		}
		if st := s.Stats(); running.Load() != 1 || st.Working != 1 || st.Waiting != 1 || st.InFlight != 2 {
			t.Errorf("%d calls run, the figures are %+v", running.Load(), st)
		}
		close(release)
		for id := range uint32(2) {
			if a := p.answer(t); a.id != id+1 || a.err != nil {
				t.Errorf("got %+v", a)
			}
		}
		s.Close()
		bounded.Receive(t, served)
	})
}

// TestAnswersThatADatagramHolds: as large as one may be, or as often as large as the request, and no larger;
// when one is sent its call is counted out.
func TestAnswersThatADatagramHolds(t *testing.T) {
	empty := len(request(t, 1, "Size", ""))
	for name, row := range map[string]struct {
		options []transport.ServiceOption
		most    int
	}{
		"a datagram's":         {nil, 65507},
		"the Service's limit":  {[]transport.ServiceOption{transport.ServiceMaxFrameSize(1000)}, 1000},
		"ten times":            {[]transport.ServiceOption{transport.ServiceMaxAmplification(10)}, 10 * (empty + 5)},
		"more than a datagram": {[]transport.ServiceOption{transport.ServiceMaxAmplification(10_000)}, 65507},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s, served := servePackets(map[string]*transport.Server{"Size": rawServer(func(_ context.Context, r any) (any, error) {
					n, err := strconv.Atoi(string(r.([]byte)))
					return make([]byte, n), err
				})}, row.options...)
				inFlight := make(chan int, 9)
				p.write = func() error { inFlight <- s.Stats().InFlight; return nil }
				const header = 16
				for id, size := range []int{row.most, row.most + 1} {
					p.send(t, request(t, uint32(id+1), "Size", fmt.Sprintf("%05d", size-header)))
					a := p.answer(t)
					if size == row.most && (a.err != nil || len(a.body) != size-header) || size > row.most && asError(t, a.err).Code != transport.CodeTooLarge {
						t.Errorf("an answer of %d bytes, where %d may be: %v, %d bytes", size, row.most, a.err, len(a.body))
					}
					if n := bounded.Receive(t, inFlight); n != 0 {
						t.Errorf("%d calls are in flight when the answer is sent", n)
					}
				}
				s.Close()
				bounded.Receive(t, served)
			})
		})
	}
}

// TestPanicInTheProtocolOnDatagrams: it is reported, with whose datagram that was, and the next one is served.
func TestPanicInTheProtocolOnDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports, served := make(chan error, 9), make(chan error, 1)
		p, s := newPackets(), transport.NewService(touchy{}, reportTo(reports))
		s.Handle("M", rawServer(echo))
		go func() { served <- s.ServePacket(p) }()
		p.send(t, request(t, 1, "Panic", ""))
		if err := bounded.Receive(t, reports); !errors.Is(err, transport.ErrPanicked) || !strings.HasPrefix(err.Error(), "192.0.2.1:9: ") {
			t.Errorf("reported as %v", err)
		}
		p.send(t, request(t, 2, "M", "x"))
		if a := p.answer(t); a.id != 2 || a.body != "x" {
			t.Errorf("got %+v", a)
		}
		s.Close()
		bounded.Receive(t, served)
	})
}
