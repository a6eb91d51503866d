package wire

import (
	"errors"
	"time"
)

// Transit is how far the bytes have got that were handed to the kernel, and what it has seen of
// those that come. Known is false where it cannot tell: on other systems than Linux, and on
// connections that are no TCP socket, nor TLS on one.
type Transit struct {
	Acked   uint64 // bytes that the peer's kernel has acknowledged, since the connection was made
	Pending uint64 // bytes that it has not, be they on their way or not
	Held    uint32 // segments of those that it has all the same, behind one that it lacks
	Gaps    uint32 // segments that have come while one before them was missing; 0 before Linux 5.4
	Known   bool
}

// Transit asks the kernel now: two system calls, which do not wait.
func (w *Writer) Transit() Transit { return w.odometer.transit() }

// leastAcked is how many bytes must be acknowledged within WriterConfig.Timeout for a
// write to get somewhere: a peer that reads less means harm, or is as good as gone. With
// the defaults that is 1.3 KiB/s.
const leastAcked = 4 << 10

// looks is how often in a Timeout a write under way is looked at.
const looks = 8

// advance is how far the peer was when it had last got somewhere. It is owned by whoever
// has it, or guarded by the Writer's mu.
type advance struct {
	acked uint64
	held  int // looks since then at which it had what lies behind a lost segment
}

// heldLooks is how many such looks are as good as getting somewhere: the kernel waits twice as long each
// time that a segment is lost again. With them a peer has three to four times its time.
const heldLooks = 3 * looks

// made reports whether the peer has got somewhere since it last did.
func (a *advance) made(t Transit) bool {
	switch {
	case t.Acked >= a.acked+leastAcked:
		a.acked, a.held = t.Acked, 0
	case t.Held > 0 && a.held < heldLooks:
		a.held++
	default:
		return false
	}
	return true
}

// watch looks at the write that is under way from time to time, and gives it its full
// time once more if the peer gets somewhere: the kernel may take nothing for long while
// much is on a slow link. The deadline moves while the write runs, since a write under TLS
// cannot go on after it.
func (w *Writer) watch() {
	t := w.Transit()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched = w.blocking && w.err == nil; !w.watched {
		return
	}
	if w.advance.made(t) {
		_ = w.socket.SetWriteDeadline(time.Now().Add(w.cfg.Timeout))
	}
	w.watcher.Reset(w.cfg.Timeout / looks)
}

// beginBlocking is called before a write that may wait, by whoever set writing.
func (w *Writer) beginBlocking() {
	w.mu.Lock()
	w.blocking = true
	watch := !w.watched && w.odometer != nil
	w.mu.Unlock()
	if !watch {
		return
	}
	t := w.Transit()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	w.watched, w.advance = true, advance{acked: t.Acked}
	if w.watcher == nil {
		w.watcher = time.AfterFunc(w.cfg.Timeout/looks, w.watch)
	} else {
		w.watcher.Reset(w.cfg.Timeout / looks)
	}
}

func (w *Writer) endBlocking() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocking = false
}

// advanced reports whether a write that ran into its deadline has got anywhere: by what
// the peer has, where that is known, else by the n bytes that the kernel took.
func (w *Writer) advanced(n int) bool {
	t := w.Transit()
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.Known {
		return w.advance.made(t)
	}
	return n > 0
}

var errStuck = errors.New("muxpool: the peer takes nothing of what was written")

// WaitArrived waits until the peer's kernel has everything that was queued before the
// call, as far as this one can tell (see Transit). It returns an error if done is closed
// first, if the Writer fails, or if the peer gets nowhere for WriterConfig.Timeout.
func (w *Writer) WaitArrived(done <-chan struct{}) error {
	if err := w.WaitSent(done); err != nil {
		return err
	}
	return arrived(w.Transit, w.cfg.Timeout, done)
}

// arrived waits until nothing is pending any more.
func arrived(transit func() Transit, timeout time.Duration, done <-chan struct{}) error {
	t := transit()
	a := advance{acked: t.Acked}
	end := time.Now().Add(timeout)
	for pause := time.Millisecond; t.Pending > 0; pause = min(2*pause, timeout/looks) {
		select {
		case <-time.After(pause):
		case <-done:
			return ErrQueueFull
		}
		now := time.Now()
		if t = transit(); a.made(t) {
			end = now.Add(timeout)
		} else if now.After(end) {
			return errStuck
		}
	}
	return nil
}
