package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// The functions of this file write. Each runs with writing set by its caller,
// which makes it the only one to touch active, and ends with writing cleared or
// handed to the flusher goroutine.

// lead writes once, without blocking, and hands the rest to the flusher.
func (w *Writer) lead(company bool) {
	if w.raw == nil {
		go w.flush(company)
		return
	}
	if company {
		runtime.Gosched() // the others' frames for the price of one write
	}
	if w.take() && w.writeNow() {
		w.finish(false)
	}
}

// take makes the pending batch the active one. It returns false, with writing
// cleared, if there is nothing to write.
func (w *Writer) take() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || w.pending.frames == 0 {
		w.writing = false
		w.notify()
		return false
	}
	w.active, w.pending, w.spare = w.pending, w.spare, batch{}
	w.written = 0
	w.accepted.Store(w.end)
	w.notify()
	return true
}

// writeNow writes the active batch without blocking. It returns false when the
// batch is not done with: it failed, or the flusher has it.
func (w *Writer) writeNow() bool {
	if len(w.active.refs) == 0 {
		n, err := w.raw.write(w.active.buf)
		w.written += n
		if err != nil {
			w.abort(err)
			return false
		}
	}
	if w.written < w.active.size {
		go w.flush(false)
		return false
	}
	return true
}

// finish ends the active batch. If more was queued meanwhile, it returns true to
// the flusher, and hands over to one for anybody else.
func (w *Writer) finish(flusher bool) (more bool) {
	w.mu.Lock()
	w.sent += uint64(w.active.size)
	w.active.reset()
	w.spare, w.active, w.written = w.active, batch{}, 0
	more = w.err == nil && w.pending.frames > 0 && !(w.reading && !flusher)
	if !more {
		w.writing = false
	}
	w.notify()
	w.mu.Unlock()
	if more && !flusher {
		go w.flush(true)
	}
	return more
}

// flush is the flusher goroutine: it writes, blocking, until nothing is queued.
func (w *Writer) flush(company bool) {
	for {
		if w.written == w.active.size { // no rest of a leader's batch
			if company {
				runtime.Gosched()
			}
			if !w.take() {
				return
			}
		}
		if err := w.writeActive(); err != nil {
			w.abort(err)
			return
		}
		if !w.finish(true) {
			return
		}
		company = w.InFlight.Load() > 1
	}
}

// tlsChunk is how much a write under TLS may take: one record. Since such a write
// cannot go on after its deadline, each has one of its own.
const tlsChunk = 16 << 10

// writeActive writes the rest of the active batch. A write that ran into its
// deadline goes on if it got anywhere, except under TLS.
func (w *Writer) writeActive() error {
	for w.written < w.active.size {
		// A connection without deadlines reports an error here: then closing it
		// is what ends a write that hangs.
		_ = w.nc.SetWriteDeadline(time.Now().Add(w.cfg.Timeout))
		w.active.vec = w.active.vector(w.active.vec[:0], w.written)
		v := w.active.vec // WriteTo consumes it
		if w.tls {
			v = append(v[:0], v[0][:min(len(v[0]), tlsChunk)])
		}
		n, err := v.WriteTo(w.nc)
		clear(w.active.vec)
		w.written += int(n)
		if err != nil && (n == 0 || w.tls || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return err
		}
		if err == nil && n == 0 {
			return io.ErrShortWrite
		}
	}
	if w.raw != nil {
		_ = w.nc.SetWriteDeadline(time.Time{}) // the non-blocking write would find it passed
	}
	return nil
}

// abort ends the Writer after a failed write of the active batch. Where the
// count of written bytes can be trusted, the offsets behind it were not sent.
func (w *Writer) abort(err error) {
	w.mu.Lock()
	if w.raw != nil {
		w.accepted.Store(w.sent + uint64(w.written))
	}
	w.active.reset()
	w.active = batch{}
	w.mu.Unlock()
	w.failed(err)
	w.mu.Lock()
	w.writing = false
	w.notify()
	w.mu.Unlock()
}

// Source is the reading side of the Writer's connection. Whoever reads it tells
// with Woke how many callers its frames have set going, and the Writer sends
// what they have queued just before the next read, in one write.
//
// A Source is owned by the goroutine that reads it.
type Source struct {
	w      *Writer
	nc     net.Conn
	woke   int
	err    error
	shrink atomic.Bool // set by Shrink: the read deadline is a message
}

// errShrink tells the Reader to give its memory back and read on.
var errShrink = errors.New("wire: shrink")

// maxYields bounds how often the reader yields to the callers it woke.
const maxYields = 64

// NewSource returns the reading side of w's connection.
func (w *Writer) NewSource() *Source { return &Source{w: w, nc: w.nc} }

// Woke says that a frame has set one more caller going.
func (s *Source) Woke() { s.woke++ }

// Err returns the error of the connection that ended reading, or nil.
func (s *Source) Err() error { return s.err }

// Read implements io.Reader.
func (s *Source) Read(p []byte) (int, error) {
	s.Flush()
	n, err := s.nc.Read(p)
	switch {
	case err != nil && errors.Is(err, os.ErrDeadlineExceeded) && s.shrink.Load():
		_ = s.nc.SetReadDeadline(time.Time{}) // before the next Shrink may set it
		s.shrink.Store(false)
		return n, errShrink
	case err != nil:
		s.err = err
	case s.w.raw != nil:
		s.w.mu.Lock()
		s.w.reading = true
		s.w.mu.Unlock()
	}
	return n, err
}

// Shrink makes a Reader that waits in Read give back the memory that it holds
// for reading ahead. Unlike the other methods, any goroutine may call it. It uses
// the connection's read deadline, which is then none.
func (s *Source) Shrink() {
	if s.shrink.CompareAndSwap(false, true) {
		_ = s.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// Flush writes what the woken callers have queued, and resigns: until the next
// Read, callers look after themselves. Its goroutine must call it before it
// waits for anything but Read, and when it stops reading a connection that others
// still write to.
func (s *Source) Flush() {
	if s.w.raw == nil {
		return
	}
	if s.woke > 1 {
		s.gather()
	}
	s.woke = 0
	s.w.flushRead()
}

// gather yields until the woken callers have queued their next frames, or
// nothing more comes.
func (s *Source) gather() {
	last, still := -1, 0
	for range maxYields {
		runtime.Gosched()
		frames, _ := s.w.Queued()
		if frames >= s.woke {
			return
		}
		if frames == last {
			if still++; still == 2 {
				return
			}
		} else {
			still = 0
		}
		last = frames
	}
}

// flushRead ends the reader's turn as the leader with a write that does not
// block.
func (w *Writer) flushRead() {
	w.mu.Lock()
	w.reading = false
	if w.writing || w.pending.frames == 0 || w.err != nil {
		w.mu.Unlock()
		return
	}
	w.writing = true
	w.mu.Unlock()
	if w.take() && w.writeNow() {
		w.finish(false)
	}
}
