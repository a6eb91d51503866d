//go:build !386

package muxpool

import (
	"net"
	"sync"
	"syscall"
	"unsafe"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// peeker looks whether the peer has closed a socket, without reading from it and
// without waiting.
type peeker struct {
	// mu is a leaf. It guards the fields below.
	mu    sync.Mutex
	raw   syscall.RawConn
	ended bool
	buf   [1]byte
	look  func(fd uintptr) // made once, since a closure per look is garbage
}

// newPeeker returns nil for a connection that is none of the standard library's.
func newPeeker(nc net.Conn) *peeker {
	raw := wire.Socket(wire.Bare(nc))
	if raw == nil {
		return nil
	}
	p := &peeker{raw: raw}
	p.look = func(fd uintptr) {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&p.buf)), 1,
			syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
		p.ended = errno == 0 && n == 0 || errno == syscall.ECONNRESET
	}
	return p
}

// hungUp reports whether the peer has closed the connection, and nothing that it sent
// before is left to be read, or this side has. False if somebody else looks right now.
func (p *peeker) hungUp() bool {
	if p == nil || !p.mu.TryLock() {
		return false
	}
	defer p.mu.Unlock()
	p.ended = false
	return p.raw.Control(p.look) != nil || p.ended
}
