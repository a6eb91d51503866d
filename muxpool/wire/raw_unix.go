//go:build unix

package wire

import (
	"net"
	"syscall"
)

// rawWriter writes to a socket without ever waiting for it. It has one user at
// a time.
type rawWriter struct {
	conn syscall.RawConn
	buf  []byte
	n    int
	err  error
	once func(fd uintptr) bool // writes buf; made once, since a closure per write is garbage
}

// Socket returns the socket of a TCP, UDP or unix connection, nil for any other. Types that
// embed one are not looked into: their Write may do more than the socket's.
func Socket(nc net.Conn) syscall.RawConn {
	var sc syscall.Conn
	switch c := nc.(type) {
	case *net.TCPConn:
		sc = c
	case *net.UDPConn:
		sc = c
	case *net.UnixConn:
		sc = c
	default:
		return nil
	}
	conn, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return conn
}

// newRawWriter returns nil for a connection that has no such write.
func newRawWriter(nc net.Conn) *rawWriter {
	conn := Socket(nc)
	if conn == nil {
		return nil
	}
	r := &rawWriter{conn: conn}
	r.once = func(fd uintptr) bool {
		for {
			r.n, r.err = syscall.Write(int(fd), r.buf)
			if r.err != syscall.EINTR {
				return true
			}
		}
	}
	return r
}

// write writes as much of b as the kernel takes at once: n == 0 with a nil
// error means that it takes nothing now.
func (r *rawWriter) write(b []byte) (n int, err error) {
	r.buf = b
	err = r.conn.Write(r.once)
	n, r.buf = max(r.n, 0), nil
	switch {
	case err != nil:
		return 0, err // closed, or a deadline has passed: once did not run
	case r.err == syscall.EAGAIN:
		return n, nil
	default:
		return n, r.err
	}
}
