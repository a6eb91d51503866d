package wire

// queue appends frame to the pending batch, by reference if it is the Writer's
// own, gives it its place, and sees to it that somebody writes.
func (w *Writer) queue(frame []byte, own bool, mark *Mark, place Place) (uint64, error) {
	w.mu.Lock()
	if err := w.room(len(frame)); err != nil {
		w.mu.Unlock()
		return 0, err
	}
	offset := w.end + uint64(len(w.ahead))
	if mark != nil && !mark.Set(offset) {
		w.mu.Unlock()
		return 0, ErrSealed
	}
	w.backlog(len(w.ahead) + len(frame))
	if w.ahead != nil {
		w.pending.copy(w.ahead)
		w.ahead = nil
	}
	w.end = offset + uint64(len(frame))
	if place != 0 {
		w.places.add(place)
	}
	if own {
		w.pending.reference(frame)
	} else {
		w.pending.copy(frame)
	}
	company := w.InFlight.Load() > 1
	lead := !w.writing && !w.gathering && !(w.reading && company)
	if lead {
		w.gathering = company && w.raw != nil
		w.writing = !w.gathering
	}
	w.mu.Unlock()
	if lead {
		w.lead(company)
	}
	return offset, nil
}

// space returns why a frame of n bytes cannot be queued. mu is held.
func (w *Writer) space(n int) error {
	switch {
	case w.err != nil:
		return w.err
	case w.pending.frames >= w.cfg.MaxFrames || w.pending.frames > 0 && w.pending.size+n > w.cfg.MaxBytes:
		return ErrQueueFull
	}
	return nil
}

// room is space that, where nobody is writing, makes some. mu is held, and
// released for the write.
func (w *Writer) room(n int) error {
	err := w.space(n)
	if err == ErrQueueFull && !w.writing && w.raw != nil {
		w.writing = true
		w.mu.Unlock()
		w.writeOnce()
		w.mu.Lock()
		err = w.space(n)
	}
	return err
}

// Room returns why a frame of n bytes cannot be queued now, as TryWrite does.
func (w *Writer) Room(n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.room(n)
}

// progressed returns the channel that the next change of sent or err closes. mu is held.
func (w *Writer) progressed() <-chan struct{} {
	if w.progress == nil {
		w.progress = make(chan struct{})
	}
	return w.progress
}

// notify wakes who waits for progress. mu is held.
func (w *Writer) notify() {
	if w.progress != nil {
		close(w.progress)
		w.progress = nil
	}
}
