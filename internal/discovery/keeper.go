package discovery

import (
	"context"
	"sync"
	"time"
)

// Keeper keeps a node registered, from Register to Deregister: what the Registrars of all engines are made of. Its
// fields are set before first use. T is what a stay knows of its registration; each begins with a new one. It is safe for
// concurrent use.
type Keeper[T any] struct {
	// Renew sees to it that the node is named and goes on to be, whatever has happened since. Leave takes it off,
	// within Timeout. Never are two of them under way, also where a stay begins while another ends: what the
	// one takes off may be what the other has named.
	Renew, Leave func(ctx context.Context, t *T) error
	// Closed ends it all: the context of the engine's client, nil if there is none.
	Closed context.Context
	// Interval is the time from one success to the next attempt, less up to a quarter by chance.
	Interval time.Duration
	Backoff  Backoff       // after failures
	Timeout  time.Duration // for which Register waits
	Drain    time.Duration // for which Deregister waits afterwards, less up to a quarter by chance
	Log      func(keyvals ...any)
	// None is what Err returns while nobody has asked for the node to be named.
	None error

	mu   sync.Mutex    // guards what follows; nothing is waited for while it is held
	stay *stay[T]      // nil: Register was not called, or Deregister was
	err  error         // why the node is not named; nil: it is
	turn chan struct{} // of one: in it is the stay that may Renew and Leave; made by the first Register
}

// stay is from Register to Deregister.
type stay[T any] struct {
	*Follower
	tried chan struct{} // closed when the first attempt is over

	// These belong to the goroutine, and after its end to Deregister.
	held   T
	inTurn bool // it has the Keeper's turn, and has begun
}

func (k *Keeper[T]) context() context.Context {
	if k.Closed == nil {
		return context.Background()
	}
	return k.Closed
}

// Register begins a stay, if there is none, and returns when the first attempt is over, or Timeout.
func (k *Keeper[T]) Register() {
	k.mu.Lock()
	if k.turn == nil {
		k.turn = make(chan struct{}, 1)
	}
	s := k.stay
	if s == nil {
		s = &stay[T]{tried: make(chan struct{})}
		k.stay, k.err = s, k.None
		s.Follower = Follow(k.context(), func(ctx context.Context, wake <-chan struct{}) { k.run(ctx, s, wake) })
	}
	k.mu.Unlock()
	t := time.NewTimer(k.Timeout)
	defer t.Stop()
	select {
	case <-s.tried:
	case <-t.C:
	}
}

// Deregister ends the stay, and returns when clients have had time to hear of it.
func (k *Keeper[T]) Deregister() {
	k.mu.Lock()
	s := k.stay
	k.stay = nil
	k.mu.Unlock()
	if s == nil {
		return
	}
	s.Stop()
	if !s.inTurn {
		return // who was before it is leaving still
	}
	ctx, cancel := context.WithTimeout(k.context(), k.Timeout)
	err := k.Leave(ctx, &s.held)
	cancel()
	if err != nil {
		k.Log("msg", "not deregistered: it is named until its time runs out", "err", err)
	} else {
		k.Log("msg", "deregistered")
	}
	<-k.turn
	Pause(k.context(), Jitter(k.Drain, 4), nil)
}

// Changed has Renew called at once.
func (k *Keeper[T]) Changed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stay != nil {
		k.stay.Wake()
	}
}

// Err returns nil while the node is named, as far as is known, and otherwise why it is not.
func (k *Keeper[T]) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stay == nil {
		return k.None
	}
	return k.err
}

func (k *Keeper[T]) run(ctx context.Context, s *stay[T], wake <-chan struct{}) {
	first := sync.OnceFunc(func() { close(s.tried) })
	defer first()
	select {
	case k.turn <- struct{}{}:
		s.inTurn = true
	case <-ctx.Done():
		return
	}
	for backoff := k.Backoff; ; {
		err := k.Renew(ctx, &s.held)
		if ctx.Err() != nil {
			return
		}
		k.note(s, err)
		first()
		pause := Jitter(k.Interval, 4)
		if err != nil {
			pause = backoff.Next()
		} else {
			backoff.Reset()
		}
		if Pause(ctx, pause, wake) {
			return
		}
	}
}

// note keeps what became of the last attempt, and tells changes.
func (k *Keeper[T]) note(s *stay[T], err error) {
	k.mu.Lock()
	was := k.err
	if k.stay != s {
		was, err = nil, nil // Deregister has begun
	} else {
		k.err = err
	}
	k.mu.Unlock()
	switch {
	case err == nil && was != nil:
		k.Log("msg", "registered")
	case err != nil && (was == nil || was.Error() != err.Error()):
		k.Log("msg", "not registered: it is tried again", "err", err)
	}
}
