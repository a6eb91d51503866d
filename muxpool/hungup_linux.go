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
	poll  pollFd
	now   syscall.Timespec // zero: it does not wait
	look  func(fd uintptr) // made once, since a closure per look is garbage
}

// pollFd is struct pollfd of poll(2).
type pollFd struct {
	fd      int32
	events  int16
	revents int16
}

// pollRDHUP is POLLRDHUP: the peer will send nothing more, whatever is left to be read, such as
// TLS's goodbye. An error of the socket's is told in any case.
const pollRDHUP = 0x2000

// newPeeker returns nil for a connection that is none of the standard library's.
func newPeeker(nc net.Conn) *peeker {
	raw := wire.Socket(wire.Bare(nc))
	if raw == nil {
		return nil
	}
	p := &peeker{raw: raw}
	p.look = func(fd uintptr) {
		p.poll = pollFd{fd: int32(fd), events: pollRDHUP}
		n, _, _ := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p.poll)), 1, uintptr(unsafe.Pointer(&p.now)), 0, 0, 0)
		p.ended = n == 1
	}
	return p
}

// hungUp reports whether the peer, or this side, has closed the connection. False if somebody else
// looks right now.
func (p *peeker) hungUp() bool {
	if p == nil || !p.mu.TryLock() {
		return false
	}
	defer p.mu.Unlock()
	p.ended = false
	return p.raw.Control(p.look) != nil || p.ended
}
