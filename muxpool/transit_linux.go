//go:build !386

package muxpool

import (
	"encoding/binary"
	"net"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// tcpInfoAcked is where tcpi_bytes_acked lies in the struct tcp_info of linux/tcp.h,
// since Linux 4.1 (RFC 4898, tcpEStatsAppHCThruOctetsAcked).
const tcpInfoAcked = 120

// odometer asks the kernel for the transit of a TCP socket, without waiting.
type odometer struct {
	tcp *net.TCPConn
	// mu is a leaf. It guards the fields below.
	mu   sync.Mutex
	raw  syscall.RawConn
	last transit
	info [tcpInfoAcked + 8]byte
	look func(fd uintptr) // made once, since a closure per look is garbage
}

// newOdometer returns nil for a connection whose kernel does not tell.
func newOdometer(nc net.Conn) *odometer {
	tc, ok := beneathTLS(nc).(*net.TCPConn)
	if !ok {
		return nil
	}
	o := &odometer{tcp: tc, raw: wire.Socket(tc)}
	if o.raw == nil {
		return nil
	}
	o.look = func(fd uintptr) {
		// In this order: what is acknowledged between the two is forgotten, not counted
		// twice, so that the sum is never more than what there is.
		size := uint32(len(o.info))
		_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&o.info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 || int(size) < len(o.info) {
			return
		}
		var pending int32
		_, _, errno = syscall.RawSyscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&pending)))
		if errno != 0 {
			return
		}
		o.last = transit{binary.NativeEndian.Uint64(o.info[tcpInfoAcked:]), uint64(pending), true}
	}
	return o
}

// allow sets how long the kernel is to wait for an acknowledgement (see tuneTCP).
func (o *odometer) allow(d time.Duration) { setUserTimeout(o.tcp, d) }

// transit asks now.
func (o *odometer) transit() transit {
	if o == nil {
		return transit{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = transit{}
	_ = o.raw.Control(o.look) // closed: nothing is known
	return o.last
}
