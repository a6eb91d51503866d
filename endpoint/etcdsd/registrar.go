package etcdsd

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
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
	value  atomic.Pointer[string] // what the key is to hold
	keeper discovery.Keeper[tenure]
}

// NewRegistrar is to name instance in etcd, under key: its service's prefix and something that is the node's own,
// such as its address. The client is not closed, nor is anything of it.
func NewRegistrar(client *clientv3.Client, key string, instance muxendpoint.Instance, opts ...Option) (*Registrar, error) {
	cfg, err := config{}.with(opts)
	cfg.Logger = discovery.Careful(cfg.Logger)
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
	value, err := valueOf(instance)
	if err != nil {
		return nil, err
	}
	r := &Registrar{client: client, key: key, cfg: cfg}
	r.value.Store(&value)
	r.keeper = discovery.Keeper[tenure]{Renew: r.renew, Leave: r.leave, Closed: client.Ctx(), Interval: cfg.ttl / 3, Backoff: cfg.backoff(), Timeout: cfg.timeout,
		Drain: cfg.drain, None: ErrNotRegistered, Log: func(keyvals ...any) { cfg.Log(append(keyvals, "key", key)...) }}
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
func (r *Registrar) Register() { r.keeper.Register() }

// Deregister implements sd.Registrar: the node is named no more. Call it before the server drains: it
// returns when clients have had time to hear of it (WithDrainDelay). If etcd does not answer within WithTimeout, the
// lease runs out.
func (r *Registrar) Deregister() { r.keeper.Deregister() }

// Update changes what is told of the node, such as its weight; not its key. The change is written at once, or when
// etcd can be reached.
func (r *Registrar) Update(instance muxendpoint.Instance) error {
	value, err := valueOf(instance)
	if err != nil {
		return err
	}
	r.value.Store(&value)
	r.keeper.Changed()
	return nil
}

// Err returns nil while the node is named, as far as is known, and otherwise why it is not.
func (r *Registrar) Err() error { return r.keeper.Err() }

// until is a context for one answer of etcd's. A member that has no leader says so at once, rather than
// let the lease's time pass.
func (r *Registrar) until(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(clientv3.WithRequireLeader(ctx), min(r.cfg.timeout, max(r.cfg.ttl/3, time.Second)))
}
