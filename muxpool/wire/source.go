package wire

import (
	"errors"
	"net"
	"runtime"
	"sync/atomic"
	"time"
)

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
	r := s.w.records
	if r != nil {
		r.src = s // which flushes, and leads, where TLS reads
	} else {
		s.Flush()
	}
	n, err := s.nc.Read(p)
	if r != nil {
		r.src = nil
	}
	switch {
	case err != nil && DeadlinePassed(err) && s.shrink.Load():
		_ = s.nc.SetReadDeadline(time.Time{}) // before the next Shrink may set it
		s.shrink.Store(false)
		return n, errShrink
	case err != nil:
		s.err = err
		s.w.flushRead() // TLS may have read before it failed
	case r == nil:
		s.lead()
	}
	return n, err
}

// lead makes the reader the leader until its next read.
func (s *Source) lead() {
	if s.w.raw == nil {
		return
	}
	s.w.mu.Lock()
	s.w.reading = true
	s.w.mu.Unlock()
}

// Shrink makes a Reader that waits in Read give back the memory that it holds
// for reading ahead. Unlike the other methods, any goroutine may call it. It uses
// the connection's read deadline, which is then none.
func (s *Source) Shrink() {
	if s.shrink.CompareAndSwap(false, true) {
		defer func() { _ = recover() }() // a connection of the user's own, on a timer's goroutine
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
	w.writeOnce()
}
