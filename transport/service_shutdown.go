package transport

import (
	"context"
	"errors"
	"io"
	"maps"
	"sync"
	"time"
)

// Close ends everything at once: it closes the listeners and connections and ends
// the contexts of calls. It does not wait for the calls to return.
func (s *Service) Close() error {
	err := s.endAccepting(func(io.Closer) bool { return false }, nil)
	s.workers.close()
	s.endSessions(func(c session) { c.stop(ErrServiceClosed) })
	return err
}

// Shutdown stops accepting, after the connections that the kernel has ready (TCP and unix
// listeners of package net; others are closed at once), tells the clients (where the
// protocol has a frame for that), serves what they sent, and closes each connection when
// its calls are answered and it is quiet. When ctx ends first it does as Close does, and
// returns the cause.
func (s *Service) Shutdown(ctx context.Context) error {
	err := s.endAccepting(hasBacklog, ctx.Done())
	s.endSessions(session.drain)
	select {
	case <-s.empty:
		return errors.Join(err, s.Close())
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), err, s.Close())
	}
}

// endAccepting closes what is served, but leaves to Serve what left says, and waits for
// that until done is closed.
func (s *Service) endAccepting(left func(io.Closer) bool, done <-chan struct{}) error {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		close(s.stopped)
	}
	entries := maps.Clone(s.entries)
	for l, gone := range entries {
		if !left(l) {
			delete(s.entries, l)
			close(gone)
		}
	}
	s.listens()
	s.checkEmpty()
	s.mu.Unlock()

	var errs []error
	for l := range entries {
		if left(l) {
			errs = append(errs, l.(backlogged).SetDeadline(time.Unix(1, 0))) // wakes Serve
		} else {
			errs = append(errs, l.Close())
		}
	}
	for _, gone := range entries {
		select {
		case <-gone:
		case <-done:
		}
	}
	return errors.Join(errs...)
}

// endSessions ends all at once: the connection of one may be slow in it.
func (s *Service) endSessions(end func(session)) {
	s.mu.Lock()
	sessions := maps.Clone(s.sessions)
	s.mu.Unlock()
	var all sync.WaitGroup
	for c := range sessions {
		all.Go(func() { end(c) })
	}
	all.Wait()
}
