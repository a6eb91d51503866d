package endpoint

import (
	"context"
	"time"
)

// closeTime is how long Close waits for what the user's code has to do for it, and NewSet for
// the instancer.
const closeTime = time.Second

// Close ends the subscription; calls that begin afterwards fail with
// ErrSetClosed. Calls in flight go on, and when the last of a node has returned,
// its Clients are closed and its breaker is let go. Close does not wait for that:
// see Shutdown. It waits for the Instancer, and for the closers of nodes that no
// call is on, up to a second each. Further Closes do nothing.
func (s *Set) Close() {
	if !s.closing.CompareAndSwap(false, true) {
		<-s.isClosed
		return
	}
	defer close(s.isClosed)
	s.end()
	if s.cfg.err() == nil {
		s.deregister()
	}
	late := time.NewTimer(closeTime)
	defer late.Stop()
	s.lane.wait(late.C)
}

// register begins the subscription. An Instancer may wait for another one of its subscribers,
// as go-kit's do while they send, and for ever.
func (s *Set) register() {
	go func() {
		defer close(s.registered)
		failed := errEnded
		defer func() {
			if v := recover(); v != nil {
				failed = newPanicError(v)
			}
			if failed != nil {
				s.note(instances{}, failed)
			}
		}()
		s.subscribe()
		failed = nil
	}()
	waitFor(s.registered)
}

// deregister ends the subscription, after its begin. Meanwhile the receiver takes what the
// Instancer sends, for as long as that takes.
func (s *Set) deregister() {
	left := make(chan struct{})
	go func() {
		defer close(left)
		defer close(s.quit)
		<-s.registered
		s.guard("leaving discovery", s.unsubscribe)
	}()
	waitFor(left)
}

// waitFor waits until done is closed, for closeTime at most in which this process runs.
func waitFor(done <-chan struct{}) {
	late := time.NewTimer(closeTime / looks)
	defer late.Stop()
	for range looks {
		select {
		case <-done:
			return
		case <-late.C:
			late.Reset(closeTime / looks)
		}
	}
}

// Shutdown is Close, and waits until the calls in flight have returned or ctx
// ends.
func (s *Set) Shutdown(ctx context.Context) error {
	s.Close()
	select {
	case <-s.drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// left ends what outlasts Close, when the last call has returned: the Set's breakers
// forget its services.
func (s *Set) left() {
	for _, unbind := range s.unbind {
		unbind()
	}
	close(s.drained)
}
