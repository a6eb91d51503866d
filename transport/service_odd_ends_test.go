package transport_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// oddEnds is a listener whose Close, or that of its connections, or what has their reads end, does
// something of its own.
type oddEnds struct {
	*pipes
	listener, conns, wake func()
}

func (l oddEnds) Close() error { err := l.pipes.Close(); l.listener(); return err }

func (l oddEnds) Accept() (net.Conn, error) {
	nc, err := l.pipes.Accept()
	return oddEnd{nc, l.conns, l.wake}, err
}

type oddEnd struct {
	net.Conn
	end, wake func()
}

func (c oddEnd) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	if t == time.Unix(1, 0) {
		c.wake()
	}
	return err
}

func (c oddEnd) Close() error { err := c.Conn.Close(); c.end(); return err }

// oddPacketConn is a datagram socket whose ends do so.
type oddPacketConn struct {
	net.PacketConn
	wake, end func()
}

func (c oddPacketConn) SetReadDeadline(t time.Time) error {
	err := c.PacketConn.SetReadDeadline(t)
	c.wake()
	return err
}
func (c oddPacketConn) Close() error { err := c.PacketConn.Close(); c.end(); return err }

// ends are ways in which code of others does not return.
func ends(release <-chan struct{}) map[string]func() {
	return map[string]func(){"panics": func() { panic("boom") }, "Goexit": runtime.Goexit, "blocks": func() { <-release }}
}

func nothing() {}

// TestShutdownAndCodeOfOthers: a listener, or connections, whose Close panics, ends the goroutine
// or blocks ends neither the process nor whom it is called by, and holds up nobody for long. What the
// listener's did is told.
func TestShutdownAndCodeOfOthers(t *testing.T) {
	words := map[string]string{"panics": "boom", "Goexit": "ended its goroutine", "blocks": "has not returned after 1s"}
	for way := range ends(nil) {
		for _, part := range []string{"listener", "connections", "reads"} {
			for _, call := range []string{"Shutdown", "Close"} {
				t.Run(part+" "+way+" in "+call, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						release := make(chan struct{})
						l := oddEnds{newPipes(), nothing, nothing, nothing}
						switch do := ends(release)[way]; part {
						case "listener":
							l.listener = do
						case "connections":
							l.conns = do
						case "reads":
							l.wake = do
						}
						s := transport.NewService(native.Protocol{})
						s.Handle("M", rawServer(echo))
						served := make(chan error, 1)
						go func() { served <- s.Serve(l) }()
						for range 20 {
							nc := l.dial(t)
							defer nc.Close()
							if err := callOnce(t, nc); err != nil {
								t.Fatal(err)
							}
						}
						ended := make(chan error, 1)
						go func() {
							if call == "Close" {
								ended <- s.Close()
								return
							}
							ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
							defer cancel()
							ended <- s.Shutdown(ctx)
						}()
						begin := time.Now()
						err := bounded.Receive(t, ended)
						if errors.Is(err, context.DeadlineExceeded) {
							t.Error(err)
						}
						if part == "listener" && (err == nil || !strings.Contains(err.Error(), words[way])) {
							t.Errorf("%s: %v, want %q", call, err, words[way])
						}
						if took := time.Since(begin); took > 10*time.Second {
							t.Errorf("it took %v", took)
						}
						if err := bounded.Receive(t, served); !errors.Is(err, transport.ErrServiceClosed) {
							t.Error(err)
						}
						close(release)
					})
				})
			}
		}
	}
}

// TestShutdownAndSocketsOfOthers: likewise a datagram socket.
func TestShutdownAndSocketsOfOthers(t *testing.T) {
	for way := range ends(nil) {
		t.Run(way, func(t *testing.T) {
			pc, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			release := make(chan struct{})
			defer close(release)
			do := ends(release)[way]
			s := transport.NewService(native.Protocol{})
			s.Handle("M", rawServer(echo))
			served := make(chan error, 1)
			go func() { served <- s.ServePacket(oddPacketConn{pc, do, do}) }()
			if _, err := clientOf(t, native.Protocol{}, transport.Node{Network: "udp", Address: pc.LocalAddr().String()}, "M")(testContext(t), []byte("x")); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- s.Shutdown(testContext(t)) }()
			if err := bounded.Receive(t, ended); errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if err := bounded.Receive(t, served); !errors.Is(err, transport.ErrServiceClosed) {
				t.Error(err)
			}
		})
	}
}

// TestCloseWaitsForItsConnections: when it returns they are closed, and all of them take as long as one.
func TestCloseWaitsForItsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const conns, takes = 5, 300 * time.Millisecond
		var closed atomic.Int64
		l := oddEnds{newPipes(), nothing, func() { time.Sleep(takes); closed.Add(1) }, nothing}
		s := transport.NewService(native.Protocol{})
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		for range conns {
			defer l.dial(t).Close()
		}
		synctest.Wait()
		begin := time.Now()
		if err := s.Close(); err != nil || closed.Load() < conns || time.Since(begin) != takes {
			t.Errorf("Close: %v after %v, %d of %d connections are closed", err, time.Since(begin), closed.Load(), conns)
		}
		bounded.Receive(t, served)
		synctest.Wait()
	})
}

// TestShutdownOfNothing: what is not served ends at once, as often as it is told to.
func TestShutdownOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := transport.NewService(native.Protocol{})
		for range 2 {
			ended := make(chan error, 1)
			go func() { ended <- s.Shutdown(context.Background()) }()
			if err := bounded.Receive(t, ended); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// failing is a listener whose Accept does nothing but fail.
type failing struct {
	*pipes
	accept func() (net.Conn, error)
}

func (f failing) Accept() (net.Conn, error) { return f.accept() }

// TestListenersThatAreOfNoUseAnyMore: an Accept that has failed for good ends Serve, with an error that says
// how, and the listener; nothing is left for Shutdown to wait for.
func TestListenersThatAreOfNoUseAnyMore(t *testing.T) {
	for want, accept := range map[string]func() (net.Conn, error){
		"bad file descriptor":                func() (net.Conn, error) { return nil, &net.OpError{Op: "accept", Err: syscall.EBADF} },
		"use of closed network connection":   func() (net.Conn, error) { return nil, net.ErrClosed },
		"out of order":                       func() (net.Conn, error) { return nil, errors.New("out of order") },
		"no connection, and no error":        func() (net.Conn, error) { return nil, nil },
		"transport: panic in the call: boom": func() (net.Conn, error) { panic("boom") },
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := make(chan error, 9)
				s := transport.NewService(native.Protocol{}, reportTo(reports))
				l := failing{newPipes(), accept}
				served := make(chan error, 1)
				go func() { served <- s.Serve(l) }()
				if err := bounded.Receive(t, served); err == nil || !strings.HasPrefix(err.Error(), "transport: accept on pipe: ") || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("Serve: %v, want %q", err, want)
				}
				select {
				case <-l.closed:
				default:
					t.Error("the listener is open")
				}
				if st := s.Stats(); st.Conns != 0 || len(reports) != 0 {
					t.Errorf("%d connections, %d reports", st.Conns, len(reports))
				}
				ended := make(chan error, 1)
				go func() { ended <- s.Shutdown(context.Background()) }()
				if err := bounded.Receive(t, ended); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
