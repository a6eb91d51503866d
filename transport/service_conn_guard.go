package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"runtime/debug"
	"time"
)

// guard returns nc, or, if it is of a type that a listener of somebody else's made,
// something that turns its panics into errors: its methods are called by goroutines
// that many connections share.
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

func (g *guardedConn) Read(p []byte) (n int, err error) {
	defer caught(&err)
	return g.Conn.Read(p)
}

func (g *guardedConn) Write(p []byte) (n int, err error) {
	defer caught(&err)
	return g.Conn.Write(p)
}

func (g *guardedConn) Close() (err error) {
	defer caught(&err)
	return g.Conn.Close()
}

// CloseWrite closes the side of the connection on which nothing more is sent, if it has
// two.
func (g *guardedConn) CloseWrite() (err error) {
	defer caught(&err)
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (g *guardedConn) SetDeadline(t time.Time) (err error) {
	defer caught(&err)
	return g.Conn.SetDeadline(t)
}

func (g *guardedConn) SetReadDeadline(t time.Time) (err error) {
	defer caught(&err)
	return g.Conn.SetReadDeadline(t)
}

func (g *guardedConn) SetWriteDeadline(t time.Time) (err error) {
	defer caught(&err)
	return g.Conn.SetWriteDeadline(t)
}

func (g *guardedConn) LocalAddr() (a net.Addr) {
	var err error
	defer caught(&err)
	return g.Conn.LocalAddr()
}

func (g *guardedConn) RemoteAddr() (a net.Addr) {
	var err error
	defer caught(&err)
	return g.Conn.RemoteAddr()
}
