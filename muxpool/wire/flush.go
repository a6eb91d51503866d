package wire

import (
	"fmt"
	"io"
	"runtime"
	"time"
)

// The functions of this file write. Each runs with writing set by its caller,
// which makes it the only one to touch active, and ends with writing cleared or
// handed to the flusher goroutine.

// lead writes once, without blocking, and hands the rest to the flusher. In
// company it gathers first: then gathering is set instead of writing, so that who
// finds the queue full meanwhile, or the reader, may write in its place.
func (w *Writer) lead(company bool) {
	if w.raw == nil {
		w.startFlusher(company)
		return
	}
	if company {
		runtime.Gosched() // the others' frames for the price of one write
		w.mu.Lock()
		w.gathering = false
		if w.writing || w.pending.frames == 0 { // somebody did
			w.mu.Unlock()
			return
		}
		w.writing = true
		w.mu.Unlock()
	}
	w.writeOnce()
}

// writeOnce writes what is queued as far as the kernel takes it at once.
func (w *Writer) writeOnce() {
	if w.take() && w.writeNow() {
		w.finish(false)
	}
}

// take makes the pending batch the active one. It returns false, with writing
// cleared, if there is nothing to write.
func (w *Writer) take() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || w.pending.frames == 0 && !w.unsent() {
		w.writing = false
		return false
	}
	w.active, w.pending, w.spare = w.pending, w.spare, batch{}
	w.written = 0
	w.writes++
	w.places.queued = 0
	w.accepted.Store(w.end)
	w.callNext()
	return true
}

// writeNow writes the active batch without blocking. It returns false when the
// batch is not done with: it failed, or the flusher has it.
func (w *Writer) writeNow() bool {
	if w.records != nil {
		return w.writeRecordsNow()
	}
	if len(w.active.refs) > 0 && w.active.size <= flattenMax {
		w.flat = w.active.flatten(w.flat)
	}
	if len(w.active.refs) == 0 {
		n, err := w.raw.write(w.active.buf)
		w.written += n
		if err != nil {
			w.abort(err)
			return false
		}
	}
	if w.written < w.active.size {
		w.startFlusher(false)
		return false
	}
	return true
}

// finish ends the active batch. If more was queued meanwhile, it returns true to
// the flusher, and hands over to one for anybody else.
func (w *Writer) finish(flusher bool) (more bool) {
	w.mu.Lock()
	w.sent += uint64(w.active.size)
	w.backlog(-w.active.size)
	w.active.reset()
	w.spare, w.active, w.written = w.active, batch{}, 0
	more = w.err == nil && (w.pending.frames > 0 && !(w.reading && !flusher) || w.unsent())
	if !more {
		w.writing = false
	}
	w.notify()
	w.mu.Unlock()
	if more && !flusher {
		w.startFlusher(true)
	}
	return more
}

// startFlusher hands the write side to a flusher goroutine.
func (w *Writer) startFlusher(company bool) {
	w.company = company
	if w.cfg.Flushers != nil {
		w.cfg.Flushers.Begin()
	}
	go w.flusher()
}

// flush is the flusher goroutine. A connection of the user's own may panic, or end its
// goroutine: then it has failed, as by any other error.
func (w *Writer) flush() {
	returned := false
	defer func() {
		if !returned {
			w.abort(fmt.Errorf("muxpool: the connection's Write did not return: %v", recover()))
		}
	}()
	w.flushQueued()
	returned = true
}

// flushQueued writes, blocking, until nothing is queued.
func (w *Writer) flushQueued() {
	if w.cfg.Flushers != nil {
		defer w.cfg.Flushers.End()
	}
	for {
		if w.written == w.active.size { // no rest of a leader's batch
			if w.company {
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
		w.company = w.InFlight.Load() > 1
	}
}

// tlsChunk is how much a write under TLS may take: one record. Since such a write
// cannot go on after its deadline, each has one of its own.
const tlsChunk = 16 << 10

// writeActive writes the rest of the active batch. A write that ran into its
// deadline goes on if it got anywhere, except under TLS.
func (w *Writer) writeActive() error {
	w.beginBlocking()
	defer w.endBlocking()
	if w.records != nil {
		return w.writeRecords()
	}
	for w.written < w.active.size {
		// A connection without deadlines reports an error here: then closing it
		// is what ends a write that hangs.
		_ = w.nc.SetWriteDeadline(time.Now().Add(w.cfg.Timeout))
		w.active.vec = w.active.vector(w.active.vec[:0], w.written)
		w.rest = w.active.vec // WriteTo consumes it
		if w.tls {
			w.rest = append(w.rest[:0], w.rest[0][:min(len(w.rest[0]), tlsChunk)])
		}
		n, err := w.rest.WriteTo(w.nc)
		clear(w.active.vec)
		w.rest = nil
		w.written += int(n)
		if err != nil && (w.tls || !DeadlinePassed(err) || !w.advanced(int(n))) {
			return err
		}
		if err == nil && n == 0 {
			return io.ErrShortWrite
		}
	}
	w.endBlocking()
	// The non-blocking write would find it passed, and so would a connection of the
	// user's own that writes by itself.
	_ = w.nc.SetWriteDeadline(time.Time{})
	return nil
}

// abort ends the Writer after a failed write of the active batch. Where the
// count of written bytes can be trusted, the offsets behind it were not sent.
func (w *Writer) abort(err error) {
	w.mu.Lock()
	if w.raw != nil {
		w.accepted.Store(w.sent + uint64(w.written+w.handed()))
	}
	w.backlog(-w.active.size)
	w.active.reset()
	w.active, w.sealed = batch{}, 0
	w.mu.Unlock()
	w.failAndTell(err)
	w.mu.Lock()
	w.writing = false
	w.mu.Unlock()
}
