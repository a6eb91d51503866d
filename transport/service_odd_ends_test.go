package transport_test

import (
	"context"
	"errors"
	"net"
	"runtime"
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
// or blocks ends neither the process nor whom it is called by, and holds up nobody for long.
func TestShutdownAndCodeOfOthers(t *testing.T) {
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
						if err := bounded.Receive(t, ended); errors.Is(err, context.DeadlineExceeded) {
							t.Error(err)
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
