package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"
)

// Serve accepts connections from l and serves them until Shutdown or Close, then
// returns ErrServiceClosed. It closes l. An error of l that does not pass ends it
// too; running out of file descriptors, or the like, does pass.
func (s *Service) Serve(l net.Listener) error {
	if l == nil {
		return both(s.Err(), fmt.Errorf("%w: Serve(nil)", ErrInvalidOption))
	}
	if !hasBacklog(l) {
		l = &guardedListener{l}
	}
	if err := s.enter(l); err != nil {
		return errors.Join(err, l.Close())
	}
	defer s.leave(l)
	defer l.Close() //nolint:errcheck // closed already after Close
	return s.acceptAll(l)
}

// guardedListener is a listener of somebody else's type, which may not be comparable.
type guardedListener struct{ net.Listener }

func (g *guardedListener) Close() error { return closeApart(g.Listener.Close) }

func (s *Service) acceptAll(l net.Listener) error {
	var backoff time.Duration
	for {
		nc, err := accept(l)
		if err == nil {
			backoff = 0
			s.admitConn(nc)
			continue
		}
		if s.isClosing() {
			return s.acceptReady(l)
		}
		if !passes(err) {
			return fmt.Errorf("transport: accept on %s: %w", l.Addr(), err)
		}
		s.reports.report(context.Background(), fmt.Errorf("transport: accept on %s: %w", l.Addr(), err))
		backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
		if !s.pause(backoff) {
			return s.acceptReady(l)
		}
	}
}

// accept is l.Accept, whose panic is its error.
func accept(l net.Listener) (nc net.Conn, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if nc, err = l.Accept(); err == nil && nc == nil {
		err = errors.New("the listener returned no connection, and no error")
	}
	return nc, err
}

// passes reports whether an Accept that failed so may succeed later.
func passes(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func (s *Service) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// pause waits for d; it reports false if the service was closed.
func (s *Service) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return !s.isClosing()
	case <-s.stopped:
		return false
	}
}

// admitConn starts to serve nc, or closes it. What may take time it leaves to others.
func (s *Service) admitConn(nc net.Conn) {
	c := newServerConn(s, guard(nc))
	if err := s.admit(c); err != nil {
		go c.refuse(err)
		return
	}
	go c.serve()
}

// A listener whose backlog ends with it: the kernel resets the connections that nobody has
// accepted, with the requests that their clients have sent on them.
type backlogged interface {
	net.Listener
	SetDeadline(time.Time) error
}

// hasBacklog reports whether Shutdown leaves l to Serve. Types that embed a listener may
// accept in another way than it does.
func hasBacklog(l io.Closer) bool {
	switch l.(type) {
	case *net.TCPListener, *net.UnixListener:
		return true
	}
	return false
}

// The times of a listener that closes.
const (
	readyTime   = 5 * time.Millisecond   // for a connection that was made, until it is accepted
	readyTries  = 3                      // since that may be over before Accept has looked, if the processor was taken away
	readyInTime = 200 * time.Millisecond // for all of them, if there are always more
)

// acceptReady accepts the connections that are ready, before l is closed. Only then their
// clients, and all others, are told to go: who is told connects anew at once. What is made
// between the last and the close is lost; only a listener that is handed over loses none.
// It returns ErrServiceClosed.
func (s *Service) acceptReady(l net.Listener) error {
	b, ok := l.(backlogged)
	if !ok || !hasBacklog(l) {
		return ErrServiceClosed
	}
	for tries, end := readyTries, time.Now().Add(readyInTime); tries > 0 && time.Now().Before(end); tries-- {
		if b.SetDeadline(time.Now().Add(readyTime)) != nil {
			break
		}
		nc, err := accept(l)
		switch {
		case err == nil:
			s.admitConn(nc)
			tries = readyTries + 1
		case !isTimeout(err):
			return ErrServiceClosed
		}
	}
	return ErrServiceClosed
}
