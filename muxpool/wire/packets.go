package wire

import (
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// PacketWriter writes datagrams to a connection, without ever waiting for it if it is a socket of the
// standard library's, and for one of the user's own no longer than it heeds its deadline, of a
// millisecond. It is safe for concurrent use.
type PacketWriter struct {
	nc net.Conn

	// mu guards raw, which has one user at a time. It is nil where there is no such write.
	mu  sync.Mutex
	raw *rawWriter
}

// ownWrite is how long a connection of the user's own is waited for.
const ownWrite = time.Millisecond

// NewPacketWriter returns a PacketWriter.
func NewPacketWriter(nc net.Conn) *PacketWriter {
	return &PacketWriter{nc: nc, raw: newRawWriter(nc)}
}

// Write hands b to the kernel as one datagram. ErrQueueFull says that it takes none now.
func (w *PacketWriter) Write(b []byte) error {
	if w.raw == nil {
		return w.own(b)
	}
	n, err := w.once(b)
	if _, ok := err.(syscall.Errno); ok { // told as the connection's Write tells it
		local, remote := w.nc.LocalAddr(), w.nc.RemoteAddr()
		return &net.OpError{Op: "write", Net: local.Network(), Source: local, Addr: remote, Err: os.NewSyscallError("write", err)}
	}
	if err == nil && n < len(b) {
		return ErrQueueFull
	}
	return err
}

func (w *PacketWriter) once(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.raw.write(b)
}

// own writes to a connection of the user's own. Writes at the same time wait until the deadline of
// the last of them.
func (w *PacketWriter) own(b []byte) error {
	if err := w.nc.SetWriteDeadline(time.Now().Add(ownWrite)); err != nil {
		return err
	}
	_, err := w.nc.Write(b)
	if DeadlinePassed(err) {
		return ErrQueueFull
	}
	return err
}
