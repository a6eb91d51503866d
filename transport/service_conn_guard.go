package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"time"
)

// guard returns nc, or, if it is of a type that a listener of somebody else's made,
// something that turns its panics into errors: its methods are called by goroutines
// that many connections share. What is called of them ends no such goroutine either
// (runtime.Goexit): Read and SetReadDeadline are called by the connection's own goroutine,
// Write and SetWriteDeadline by its writer's (see wire.Writer), whose ends are an end of the
// connection as any other; the rest, which is rare, runs apart.
func guard(nc net.Conn) net.Conn {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn, *tls.Conn:
		return nc
	}
	return &guardedConn{nc}
}

type guardedConn struct{ net.Conn }

// unguarded is what the listener returned.
func unguarded(nc net.Conn) net.Conn {
	if g, ok := nc.(*guardedConn); ok {
		return g.Conn
	}
	return nc
}

// caught is deferred.
func caught(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Stack: debug.Stack()}
	}
}

// apart runs f on a goroutine of its own, which f may end.
func apart(f func() error) error {
	err := errConnExited
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer caught(&err)
		err = f()
	}()
	<-done
	return err
}

var errConnExited = errors.New("transport: a method of the connection ended its goroutine (runtime.Goexit)")

// closeTime is how long the Close of a listener, a socket or a connection is waited for.
const closeTime = time.Second

var errCloseBlocks = fmt.Errorf("transport: a Close that has not returned after %v", closeTime)

// closeApart runs a Close, which may end its goroutine, and may not return: who ends a
// Service has others to end besides.
func closeApart(end func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- apart(end) }()
	timer := time.NewTimer(closeTime)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		return errCloseBlocks
	}
}

func (g *guardedConn) Read(p []byte) (n int, err error) {
	defer caught(&err)
	return g.Conn.Read(p)
}

func (g *guardedConn) Write(p []byte) (n int, err error) {
	defer caught(&err)
	return g.Conn.Write(p)
}

func (g *guardedConn) SetReadDeadline(t time.Time) (err error) {
	defer caught(&err)
	return g.Conn.SetReadDeadline(t)
}

func (g *guardedConn) SetWriteDeadline(t time.Time) (err error) {
	defer caught(&err)
	return g.Conn.SetWriteDeadline(t)
}

func (g *guardedConn) SetDeadline(t time.Time) error {
	return apart(func() error { return g.Conn.SetDeadline(t) })
}

func (g *guardedConn) Close() error { return closeApart(g.Conn.Close) }

// CloseWrite closes the side of the connection on which nothing more is sent, if it has
// two.
func (g *guardedConn) CloseWrite() error {
	half, ok := g.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return apart(half.CloseWrite)
}

func (g *guardedConn) LocalAddr() (a net.Addr) {
	_ = apart(func() error { a = g.Conn.LocalAddr(); return nil })
	return a
}

func (g *guardedConn) RemoteAddr() (a net.Addr) {
	_ = apart(func() error { a = g.Conn.RemoteAddr(); return nil })
	return a
}
