package muxpool_test

import (
	"sync"

	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// seenNonces are the nonces of all calls that reached a peer.
type seenNonces struct {
	mu  sync.Mutex // guards set
	set map[uint64]struct{}
}

func (s *seenNonces) note(act muxtest.Action) muxtest.Action {
	return func(c *muxtest.Conn, f muxtest.Frame) {
		if f.Kind == muxtest.Call {
			s.mu.Lock()
			if s.set != nil { // else the test is over
				s.set[f.Nonce] = struct{}{}
			}
			s.mu.Unlock()
		}
		act(c, f)
	}
}

func (s *seenNonces) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set = nil
}

func (s *seenNonces) has(nonce uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.set[nonce]
	return ok
}

// claim notes a call whose error says that it was not, and will not be, sent.
func (r *random) claim(nonce uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notSent[nonce] = err
}

// checkClaims looks for them among what the peers have seen, when nothing can
// arrive any more.
func (r *random) checkClaims() {
	r.pool.Close()
	for _, p := range r.all {
		p.Close()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for nonce, err := range r.notSent {
		if r.seen.has(nonce) {
			r.t.Errorf("a peer has seen the call whose error says that it was not sent: %v", err)
		}
	}
	r.notSent = nil
	r.seen.forget() // what the test remembers is no leak of the pool's
}
