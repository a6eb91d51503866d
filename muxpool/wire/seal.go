package wire

import "time"

// The functions of this file write the active batch as records of TLS. As those of
// flush.go they run with writing set by their caller.

// seal makes records of the next bytes of the active batch. They count as written when the
// kernel has taken the last of these records.
func (w *Writer) seal() error {
	r := w.records
	r.seals(sealsMore)
	defer r.seals(sealsNone)
	w.active.vec = w.active.vector(w.active.vec[:0], w.written)
	defer clear(w.active.vec)
	end := min(w.written+sealAtOnce, w.active.size)
	if len(w.active.refs) > 0 && len(w.active.vec[0]) >= refMinPlain {
		end = w.written + maxRecord // a copy would cost more than a write spares
	}
	for _, p := range w.active.vec {
		for len(p) > 0 {
			n := min(len(p), maxRecord, end-w.written-w.sealed)
			if n == 0 {
				return nil
			}
			if w.written+w.sealed+n == end {
				r.seals(sealsLast)
			}
			if _, err := w.nc.Write(p[:n]); err != nil {
				return err
			}
			w.sealed += n
			p = p[n:]
		}
	}
	return nil
}

// sealNext is seal, once the kernel has taken what was sealed before. It returns false if
// that was all of the batch.
func (w *Writer) sealNext() (more bool, err error) {
	w.written += w.sealed
	w.sealed = 0
	if w.written == w.active.size {
		return false, nil
	}
	return true, w.seal()
}

// writeRecordsNow is writeNow.
func (w *Writer) writeRecordsNow() bool {
	r := w.records
	for more := true; more; {
		err := r.writeNow(w.raw)
		if err == nil && len(r.rest()) > 0 {
			w.startFlusher(false)
			return false
		}
		if err == nil {
			more, err = w.sealNext()
		}
		if err != nil {
			w.abort(err)
			return false
		}
	}
	return true
}

// writeRecords is writeActive. The rest of a record goes out after a deadline, too.
func (w *Writer) writeRecords() error {
	r := w.records
	for {
		b := r.next()
		if len(b) == 0 {
			if more, err := w.sealNext(); err != nil {
				return err
			} else if !more {
				break
			}
			continue
		}
		_ = w.socket.SetWriteDeadline(time.Now().Add(w.cfg.Timeout))
		n, err := r.Conn.Write(b)
		r.took(n)
		if err != nil && (!DeadlinePassed(err) || !w.advanced(n)) {
			return err
		}
	}
	w.endBlocking()
	_ = w.socket.SetWriteDeadline(time.Time{})
	return nil
}

// unsent reports whether records wait to be written.
func (w *Writer) unsent() bool { return w.records != nil && w.records.waiting.Load() > 0 }

// handed is how many bytes behind written may be with the kernel: all of them if it has
// taken any of their records.
func (w *Writer) handed() int {
	if w.records != nil && w.records.began() {
		return w.sealed
	}
	return 0
}

// stir is called when TLS has made a record by itself. What is not written at once, and
// the error of that, is a flusher's: the tls.Conn is locked.
func (w *Writer) stir() {
	w.mu.Lock()
	if w.writing || w.err != nil {
		w.mu.Unlock() // who writes will find it before it is done
		return
	}
	w.writing = true
	w.mu.Unlock()
	if err := w.records.writeNow(w.raw); err != nil || len(w.records.rest()) > 0 {
		w.startFlusher(false)
		return
	}
	w.finish(false)
}
