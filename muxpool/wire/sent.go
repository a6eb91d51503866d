package wire

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

// WaitSent waits until the kernel has taken everything that was queued before
// the call. It returns ErrQueueFull if done is closed first, and the Writer's
// error if it fails.
func (w *Writer) WaitSent(done <-chan struct{}) error {
	w.mu.Lock()
	end := w.end
	w.mu.Unlock()
	if end == 0 {
		return nil
	}
	for {
		sent, retry, err := w.Sent(end - 1)
		if sent || err != nil {
			return err
		}
		select {
		case <-retry:
		case <-done:
			return ErrQueueFull
		}
	}
}

