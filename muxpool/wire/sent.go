package wire

import "sync/atomic"

// MaybeSent reports whether the byte at offset may have been handed to the
// kernel. While a write is under way that is so for all that it covers; once the
// Writer has failed, false is final.
func (w *Writer) MaybeSent(offset uint64) bool { return w.accepted.Load() > offset }

// Sent reports whether the kernel has taken the frame at offset. If not, it
// returns the Writer's error, or a channel that is closed when asking again makes
// sense.
func (w *Writer) Sent(offset uint64) (sent bool, retry <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.sent > offset:
		return true, nil, nil
	case w.err != nil:
		return false, nil, w.err
	default:
		return false, w.progressed(), nil
	}
}

// Taken reports whether the kernel has taken the frame at offset.
func (w *Writer) Taken(offset uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent > offset
}

// Idle reports whether nothing is queued or being written.
func (w *Writer) Idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent == w.end || w.err != nil
}

// WaitSent waits until the kernel has taken everything that was queued before
// the call, and what TLS has written by itself. It returns ErrQueueFull if done is closed first, and the Writer's
// error if it fails.
func (w *Writer) WaitSent(done <-chan struct{}) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for end := w.end; w.sent < end || w.unsent(); {
		if w.err != nil {
			return w.err
		}
		retry := w.progressed()
		w.mu.Unlock()
		select {
		case <-retry:
			w.mu.Lock()
		case <-done:
			w.mu.Lock()
			return ErrQueueFull
		}
	}
	return nil
}

// Mark remembers where in the stream the first of a caller's frames begins, and whether any may
// follow.
type Mark struct {
	v atomic.Uint64 // offset + 1, 0 if there is none; and sealed
}

const sealed = 1 << 63

// Offset returns the offset, and whether there is one.
func (m *Mark) Offset() (offset uint64, ok bool) {
	v := m.v.Load() &^ sealed
	return v - 1, v != 0
}

// Set sets the offset, if there is none. It returns false if the Mark is sealed.
func (m *Mark) Set(offset uint64) bool {
	return m.v.CompareAndSwap(0, offset+1) || m.v.Load()&sealed == 0
}

// Seal makes sure that nothing more is set, and reports whether there is an offset.
func (m *Mark) Seal() (set bool) { return m.v.Or(sealed)&^sealed != 0 }

// Unset forgets the offset, and keeps the seal.
func (m *Mark) Unset() { m.v.And(sealed) }

// Reset forgets the offset and the seal.
func (m *Mark) Reset() { m.v.Store(0) }
