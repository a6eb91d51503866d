package wire

// line is where those stand who wait for room in the queue of a Writer. When there is
// room, as many are called as it has room for, the first first: who would find the queue
// full again sleeps on. Who comes meanwhile, without having waited, may be faster; then
// who was called stands at the end of the line again.
//
// Invariant: while somebody stands in the line, frames are queued, which somebody is bound
// to write, or somebody was called and has not left. Either will call the next.
//
// It is guarded by the Writer's mu.
type line struct {
	first, last *Turn
	called      int // who were called and have not left
	bytes       int // that they want room for
}

// Turn is the turn of one who waits for room (see LineUp).
type Turn struct {
	w          *Writer
	n          int
	ready      chan struct{}
	prev, next *Turn
	state      turnState
}

type turnState uint8

const (
	turnWaits  turnState = iota // it stands in the line
	turnCalled                  // ready is closed
	turnOver                    // it has left
)

// LineUp waits for room for a frame of n bytes. The caller must Leave, whatever comes of
// it.
func (w *Writer) LineUp(n int) *Turn {
	t := &Turn{w: w, n: n, ready: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.room(n) != ErrQueueFull {
		w.line.call(t)
		return t
	}
	if t.prev = w.line.last; t.prev != nil {
		t.prev.next = t
	} else {
		w.line.first = t
	}
	w.line.last = t
	return t
}

// Ready is closed when trying again makes sense: there is room, unless somebody is faster,
// or the Writer has failed.
func (t *Turn) Ready() <-chan struct{} { return t.ready }

// Leave ends the wait: its caller has tried again, or does not want to any more. It may
// be called again, and of a nil Turn.
func (t *Turn) Leave() {
	if t == nil {
		return
	}
	w := t.w
	w.mu.Lock()
	defer w.mu.Unlock()
	switch t.state {
	case turnWaits:
		w.line.remove(t)
	case turnCalled:
		w.line.called--
		w.line.bytes -= t.n
	}
	t.state = turnOver
	w.callNext()
}

// callNext calls as many as there is room for, all of them if the Writer has failed; mu is
// held.
func (w *Writer) callNext() {
	l := &w.line
	for t := l.first; t != nil; t = l.first {
		frames, size := w.pending.frames+l.called, w.pending.size+l.bytes
		if w.err == nil && (frames >= w.cfg.MaxFrames || frames > 0 && size+t.n > w.cfg.MaxBytes) {
			return
		}
		l.remove(t)
		l.call(t)
	}
}

// call tells t, which does not stand in the line, to try again.
func (l *line) call(t *Turn) {
	t.state = turnCalled
	l.called++
	l.bytes += t.n
	close(t.ready)
}

func (l *line) remove(t *Turn) {
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		l.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		l.last = t.prev
	}
	t.prev, t.next = nil, nil
}
