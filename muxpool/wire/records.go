package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxRecord is what a record of TLS holds at most (RFC 8446, 5.1).
	maxRecord = 16 << 10
	// sealAtOnce is how much of a batch is made records of until they are written.
	sealAtOnce = 64 << 10
	// maxSealed is what these records take at most. A batch of the smallest pieces is some sixty of
	// them, of which each adds up to a hundred bytes.
	maxSealed = sealAtOnce + maxRecord
	// maxForeign bounds the records that are not the Writer's and wait to be written: alerts,
	// and answers to a peer that wants new keys all the time and reads nothing.
	maxForeign = 16 << 10
)

var errForeign = errors.New("muxpool: the peer makes TLS write and reads nothing of it")

// records is the connection beneath a tls.Conn, on a socket. Until a Writer is on the
// tls.Conn, bytes go through as they are: that is the handshake. From then on no Write waits
// for the socket. TLS gives it a record at a time; it keeps them for the Writer, which
// writes those of a batch at once, as it would bytes that nobody has encrypted: without
// waiting where it leads, and from the very byte on where the kernel took a part. (A tls.Conn
// whose own Write has run into a deadline is broken: RFC 8446 knows no half of a record.)
//
// TLS writes by itself, too: alerts, and new keys that the peer has asked for, on the
// goroutine that reads or closes. Their place in the stream is where they were made; the
// Writer is told of them, and writes them by whoever is at it, or at once.
//
// Locks: a tls.Conn holds its own while it calls Write. mu and the Writer's are taken under
// that, one at a time; nobody calls the tls.Conn with one of them.
type records struct {
	net.Conn // the socket
	w        *Writer
	src      *Source // set while it reads

	waiting atomic.Int64 // bytes that were made and the kernel has not taken

	// mu is a leaf, but for a write that does not wait. It guards the fields below.
	mu      sync.Mutex
	sealing sealing
	buf     []byte // made, and not yet out's
	sealed  bool   // buf may hold what seal made
	begun   bool   // of what seal made last, the kernel has taken something

	// Owned by whoever set the Writer's writing.
	out []byte // is being written
	at  int    // bytes of out that the kernel has taken
}

// sealing is whether the Writer makes records: those it writes itself.
type sealing uint8

const (
	sealsNone sealing = iota
	sealsMore         // other records come before any is written
	sealsLast         // the next is the last for now
)

// seals says what the Writer is about to do.
func (r *records) seals(s sealing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = r.begun && (r.sealing != sealsNone || s == sealsNone) // anew with the first record
	r.sealed = r.sealed || s != sealsNone
	r.sealing = s
}

// BeneathTLS returns what a tls.Conn is to be made on, which gathers the records of a
// Writer's batch into one write, or nc if it is no socket. Its NetConn returns nc.
func BeneathTLS(nc net.Conn) net.Conn {
	if Socket(nc) == nil {
		return nc
	}
	return &records{Conn: nc}
}

// Bare returns the connection that nc makes TLS on, or nc.
func Bare(nc net.Conn) net.Conn {
	if tc, ok := nc.(*tls.Conn); ok {
		nc = tc.NetConn()
	}
	if r, ok := nc.(*records); ok {
		nc = r.Conn
	}
	return nc
}

// NetConn returns the socket.
func (r *records) NetConn() net.Conn { return r.Conn }

// SyscallConn is the socket's.
func (r *records) SyscallConn() (syscall.RawConn, error) {
	return r.Conn.(syscall.Conn).SyscallConn() // Socket said that it is one
}

// recordsOf returns nc's, or nil.
func recordsOf(nc net.Conn) *records {
	if tc, ok := nc.(*tls.Conn); ok {
		r, _ := tc.NetConn().(*records)
		return r
	}
	return nil
}

// Write implements net.Conn.
func (r *records) Write(record []byte) (int, error) {
	if r.w == nil {
		return r.Conn.Write(record)
	}
	r.mu.Lock()
	own, most := r.sealing != sealsNone, maxForeign // as far as one can tell: TLS may write by itself while seal does
	if r.sealed {
		most += maxSealed
	}
	if len(r.buf)+len(record) > most {
		r.mu.Unlock()
		return 0, errForeign
	}
	taken := 0
	if r.sealing == sealsLast && len(r.buf) == 0 {
		taken, _ = r.w.raw.write(record) // without a copy; its error comes again
		r.begun = r.begun || taken > 0
	}
	r.buf = append(r.buf, record[taken:]...)
	r.waiting.Add(int64(len(record) - taken))
	r.mu.Unlock()
	if !own {
		r.w.stir()
	}
	return len(record), nil
}

// Read implements net.Conn.
func (r *records) Read(p []byte) (int, error) {
	if r.src != nil {
		r.src.Flush()
	}
	n, err := r.Conn.Read(p)
	if r.src != nil && n > 0 {
		r.src.lead()
	}
	return n, err
}

// SetWriteDeadline implements net.Conn. With a Writer there is nothing that it could end:
// closing a tls.Conn would end what the Writer has yet to write.
func (r *records) SetWriteDeadline(t time.Time) error {
	if r.w != nil {
		return nil
	}
	return r.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (r *records) SetDeadline(t time.Time) error {
	if r.w != nil {
		return r.Conn.SetReadDeadline(t)
	}
	return r.Conn.SetDeadline(t)
}

// next is what is to be written; with empty hands it takes what was made meanwhile.
func (r *records) next() []byte {
	if r.at == len(r.out) {
		r.mu.Lock()
		r.out, r.buf, r.at = r.buf, r.out[:0], 0
		r.sealed = false
		r.mu.Unlock()
	}
	return r.out[r.at:]
}

// rest is what is left of what is being written.
func (r *records) rest() []byte { return r.out[r.at:] }

// took notes that the kernel has taken n bytes of next.
func (r *records) took(n int) {
	r.at += n
	r.waiting.Add(-int64(n))
	r.mu.Lock()
	r.begun = r.begun || n > 0
	r.mu.Unlock()
}

// began reports whether the kernel has taken anything of what seal made last.
func (r *records) began() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun
}

// writeNow writes what waits as far as the kernel takes it at once.
func (r *records) writeNow(raw *rawWriter) error {
	for b := r.next(); len(b) > 0; b = r.next() {
		n, err := raw.write(b)
		r.took(n)
		if err != nil || n < len(b) {
			return err
		}
	}
	return nil
}

// shrink gives back memory that holds nothing. The Writer's mu is held, and nobody writes.
func (r *records) shrink() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting.Load() == 0 { // and nobody makes a record now
		r.buf, r.out, r.at = nil, nil, 0
	}
}
