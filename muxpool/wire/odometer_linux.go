//go:build !386

package wire

import (
	"encoding/binary"
	"net"
	"sync"
	"syscall"
	"unsafe"
)

// Where tcpi_sacked, tcpi_bytes_acked and tcpi_rcv_ooopack lie in the struct tcp_info of linux/tcp.h,
// the latter since Linux 4.1 (RFC 4898, tcpEStatsAppHCThruOctetsAcked) and 5.4.
const (
	tcpInfoHeld  = 28
	tcpInfoAcked = 120
	tcpInfoGaps  = 224
)

// tcpClose is the state of a connection that was reset, in the struct's first byte
// (TCP_CLOSE of net/tcp_states.h): nothing of it is under way.
const tcpClose = 7

// odometer asks the kernel for the Transit of a TCP socket, without waiting.
type odometer struct {
	// mu is a leaf. It guards the fields below.
	mu   sync.Mutex
	raw  syscall.RawConn
	last Transit
	info [tcpInfoGaps + 4]byte
	look func(fd uintptr) // made once, since a closure per look is garbage
}

// newOdometer returns nil for a connection whose kernel does not tell.
func newOdometer(nc net.Conn) *odometer {
	nc = Bare(nc)
	if _, ok := nc.(*net.TCPConn); !ok {
		return nil
	}
	o := &odometer{raw: Socket(nc)}
	if o.raw == nil {
		return nil
	}
	o.look = func(fd uintptr) {
		// In this order: what is acknowledged between the two is forgotten, not counted
		// twice, so that the sum is never more than what there is.
		size := uint32(len(o.info))
		_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&o.info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 || size < tcpInfoAcked+8 || o.info[0] == tcpClose {
			return
		}
		var pending int32
		_, _, errno = syscall.RawSyscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&pending)))
		if errno != 0 {
			return
		}
		o.last = Transit{Acked: binary.NativeEndian.Uint64(o.info[tcpInfoAcked:]), Pending: uint64(pending),
			Held: binary.NativeEndian.Uint32(o.info[tcpInfoHeld:]), Known: true}
		if int(size) == len(o.info) {
			o.last.Gaps = binary.NativeEndian.Uint32(o.info[tcpInfoGaps:])
		}
	}
	return o
}

// transit asks now.
func (o *odometer) transit() Transit {
	if o == nil {
		return Transit{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = Transit{}
	_ = o.raw.Control(o.look) // closed: nothing is known
	return o.last
}
