package etcdsd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// ErrNotRegistered: Register was not called, or Deregister was.
var ErrNotRegistered = errors.New("etcdsd: not registered")

// Registrar names a node in etcd, as an sd.Registrar. It is safe for concurrent use.
type Registrar struct {
	client *clientv3.Client
	key    string
	cfg    config

	mu    sync.Mutex // guards what follows; nothing is waited for while it is held
	value string
	err   error // why it is not registered; nil: it is
	stay  *stay // nil: Register was not called, or Deregister was
}

// stay is from Register to Deregister.
type stay struct {
	stop    context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended
	tried   chan struct{} // closed when etcd has answered, or has not in time, for the first time
	changed chan struct{} // capacity 1: there is another value

	tenure // belongs to the goroutine, and after done to whoever ends the stay
}

// NewRegistrar is to name instance in etcd, under key: its service's prefix and something that is the node's own,
// such as its address. The client is not closed, nor is anything of it.
func NewRegistrar(client *clientv3.Client, key string, instance muxendpoint.Instance, opts ...Option) (*Registrar, error) {
	cfg, err := config{}.with(opts)
	switch {
	case err != nil:
		return nil, err
	case cfg.ofInstancer != "":
		return nil, fmt.Errorf("%w: %s is for NewInstancer", ErrInvalidOption, cfg.ofInstancer)
	case client == nil:
		return nil, fmt.Errorf("%w: nil client", ErrInvalidOption)
	case key == "":
		return nil, fmt.Errorf("%w: no key", ErrInvalidOption)
	}
	cfg.maxBackoff = min(cfg.maxBackoff, cfg.ttl/3)
	cfg.minBackoff = min(cfg.minBackoff, cfg.maxBackoff)
	r := &Registrar{client: client, key: key, cfg: cfg, err: ErrNotRegistered}
	if r.value, err = valueOf(instance); err != nil {
		return nil, err
	}
	return r, nil
}

// valueOf is what readers of the key are to understand.
func valueOf(instance muxendpoint.Instance) (string, error) {
	value := instance.String()
	if _, err := muxendpoint.ParseInstance(value); err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalidOption, err)
	}
	return value, nil
}

// Register implements sd.Registrar: the node is named from now on, until Deregister. It returns when that is so, or when the time
// of WithTimeout is over: it goes on trying then, see Err. Called again it does nothing more.
func (r *Registrar) Register() {
	r.mu.Lock()
	s := r.stay
	if s == nil {
		ctx, cancel := context.WithCancel(r.client.Ctx())
		s = &stay{stop: cancel, done: make(chan struct{}), tried: make(chan struct{}), changed: make(chan struct{}, 1)}
		r.stay = s
		go r.run(ctx, s)
	}
	r.mu.Unlock()
	t := time.NewTimer(r.cfg.timeout)
	defer t.Stop()
	select {
	case <-s.tried:
	case <-t.C:
	}
}

// Deregister implements sd.Registrar: the node is named no more. Call it before the server drains: it
// returns when clients have had time to hear of it (WithDrainDelay). If etcd does not answer within WithTimeout, the
// lease runs out.
func (r *Registrar) Deregister() {
	r.mu.Lock()
	s := r.stay
	r.stay, r.err = nil, ErrNotRegistered
	r.mu.Unlock()
	if s == nil {
		return
	}
	s.stop()
	<-s.done
	if err := r.leave(s); err != nil {
		r.cfg.log("msg", "not deregistered: its lease has to run out", "key", r.key, "err", err)
	} else {
		r.cfg.log("msg", "deregistered", "key", r.key)
	}
	discovery.Pause(r.client.Ctx(), discovery.Jitter(r.cfg.drain, 4), nil)
}

// Update changes what is told of the node, such as its weight; not its key. The change is written at once, or when
// etcd can be reached.
func (r *Registrar) Update(instance muxendpoint.Instance) error {
	value, err := valueOf(instance)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.value = value
	if r.stay != nil {
		select {
		case r.stay.changed <- struct{}{}:
		default:
		}
	}
	return nil
}

// Err returns nil while the node is named, as far as is known, and otherwise why it is not.
func (r *Registrar) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// run keeps the node named until ctx ends.
func (r *Registrar) run(ctx context.Context, s *stay) {
	defer close(s.done)
	first := sync.OnceFunc(func() { close(s.tried) })
	defer first()
	backoff := r.cfg.backoff()
	for {
		err := r.renew(ctx, s)
		if ctx.Err() != nil {
			return
		}
		r.note(s, err)
		first()
		pause := discovery.Jitter(r.cfg.ttl/3, 4)
		if err != nil {
			pause = backoff.Next()
		} else {
			backoff.Reset()
		}
		if discovery.Pause(ctx, pause, s.changed) {
			return
		}
	}
}

// note keeps what became of the last attempt, and tells changes.
func (r *Registrar) note(s *stay, err error) {
	r.mu.Lock()
	was := r.err
	if r.stay != s {
		was, err = nil, nil // Deregister has begun
	} else {
		r.err = err
	}
	r.mu.Unlock()
	switch {
	case err == nil && was != nil:
		r.cfg.log("msg", "registered", "key", r.key)
	case err != nil && (was == nil || was.Error() != err.Error()):
		r.cfg.log("msg", "not registered: it is tried again", "key", r.key, "err", err)
	}
}

// until is a context for one answer of etcd's.
func (r *Registrar) until(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, min(r.cfg.timeout, max(r.cfg.ttl/3, time.Second)))
}
