package consulsd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

var (
	// ErrNotRegistered: Register was not called, or Deregister was.
	ErrNotRegistered = errors.New("consulsd: not registered")

	// ErrTaken: another process has registered something under the Registrar's id. That is left alone for as long as it is there.
	ErrTaken = errors.New("consulsd: the id is another process's")
)

// Registrar names a node in Consul, as an sd.Registrar. It is safe for concurrent use.
type Registrar struct {
	service, id string
	cfg         config
	value       atomic.Pointer[definition] // what the agent is to have
	keeper      discovery.Keeper[tenure]
}

// tenure is what a stay knows of its registration.
type tenure struct {
	owner string // the word that is in it
	began bool   // it was made once
}

// NewRegistrar is to name instance in Consul, as a node of a service. Its address is host:port, or :port with the host
// left to the agent's machine; zone and labels become the service's meta, for which Consul has rules: 64 in all, names of letters, digits, - and _
// up to 128 bytes, values up to 512.
func NewRegistrar(service string, instance muxendpoint.Instance, opts ...Option) (*Registrar, error) {
	cfg, err := config{}.with(opts)
	cfg.Logger = discovery.Careful(cfg.Logger)
	switch {
	case err != nil:
		return nil, err
	case cfg.ofInstancer != "":
		return nil, fmt.Errorf("%w: %s is for NewInstancer", ErrInvalidOption, cfg.ofInstancer)
	case service == "":
		return nil, fmt.Errorf("%w: no name of a service", ErrInvalidOption)
	}
	cfg.maxBackoff = min(cfg.maxBackoff, cfg.ttl/3)
	cfg.minBackoff = min(cfg.minBackoff, cfg.maxBackoff)
	r := &Registrar{service: service, id: cfg.id, cfg: cfg}
	if r.id == "" {
		r.id = service + "-" + instance.Address
	}
	d, err := r.define(instance)
	if err != nil {
		return nil, err
	}
	r.value.Store(d)
	r.keeper = discovery.Keeper[tenure]{Renew: r.renew, Leave: r.leave, Interval: cfg.ttl / 3, Backoff: cfg.backoff(), Timeout: cfg.timeout,
		Drain: cfg.drain, None: ErrNotRegistered, Log: func(keyvals ...any) { cfg.Log(append(keyvals, "service", service, "id", r.id)...) }}
	return r, nil
}

// define is how the agent is told of the instance, but for who does.
func (r *Registrar) define(instance muxendpoint.Instance) (*definition, error) {
	host, port, err := net.SplitHostPort(instance.Address)
	number, bad := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || bad != nil || number == 0:
		return nil, fmt.Errorf("%w: the address %.256q is not host:port", ErrInvalidOption, instance.Address)
	case instance.Weight > maxWeight:
		return nil, fmt.Errorf("%w: the weight %d is more than Consul's %d", ErrInvalidOption, instance.Weight, maxWeight)
	}
	if _, err := muxendpoint.ParseInstance(instance.String()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidOption, err)
	}
	meta := maps.Clone(instance.Labels)
	if meta == nil {
		meta = make(map[string]string)
	}
	if instance.Zone != "" {
		meta[metaZone] = instance.Zone
	}
	return &definition{ID: r.id, Service: r.service, Tags: r.cfg.tags, Address: host, Port: int(number), Meta: meta,
		Weights: weights{Passing: max(int(instance.Weight), 1), Warning: 1}}, nil
}

// Register implements sd.Registrar: the node is named from now on, until Deregister. It returns when the agent has it, or
// when the time of WithTimeout is over: it goes on trying then, see Err. Called again it does nothing more.
func (r *Registrar) Register() { r.keeper.Register() }

// Deregister implements sd.Registrar: the node is named no more. Call it before the server drains: it returns
// when clients have had time to hear of it (WithDrainDelay). If the agent does not answer within WithTimeout, the
// check turns critical.
func (r *Registrar) Deregister() { r.keeper.Deregister() }

// Update changes what is told of the node, such as its weight; not its id. The change is written at once, or when
// the agent can be reached.
func (r *Registrar) Update(instance muxendpoint.Instance) error {
	d, err := r.define(instance)
	if err != nil {
		return err
	}
	r.value.Store(d)
	r.keeper.Changed()
	return nil
}

// Err returns nil while the agent has the node, as far as is known, and otherwise why it has not.
func (r *Registrar) Err() error { return r.keeper.Err() }

func (r *Registrar) check() string { return "service:" + r.id }

// renew sees to it that the agent has the node, and that its check passes: each step is right whatever has happened
// since, so nothing has to be known of what Consul has lost.
func (r *Registrar) renew(ctx context.Context, t *tenure) error {
	ctx, cancel := context.WithTimeout(ctx, min(r.cfg.timeout, max(r.cfg.ttl/3, time.Second)))
	defer cancel()
	if t.owner == "" {
		t.owner = rand.Text()
	}
	want := *r.value.Load()
	want.Meta = maps.Clone(want.Meta)
	want.Meta[metaOwner] = t.owner
	there, err := r.cfg.registered(ctx, r.id)
	switch {
	case err != nil:
		return fmt.Errorf("consul: id %q: %w", r.id, err)
	case there != nil && t.began && there.Meta[metaOwner] != t.owner:
		return fmt.Errorf("%w: %q", ErrTaken, r.id)
	case there != nil && there.same(&want):
		err = r.cfg.pass(ctx, r.check())
		if err == nil {
			return nil
		}
		if !unknown(err) { // its check may be gone
			return fmt.Errorf("consul: the check of id %q: %w", r.id, err)
		}
	}
	want.Name, want.Service = want.Service, ""
	want.Check = &check{CheckID: r.check(), Name: "muxkit's Registrar", TTL: r.cfg.ttl.String(), Status: "passing",
		DeregisterCriticalServiceAfter: r.cfg.reap.String()}
	if err := r.cfg.register(ctx, want); err != nil {
		return fmt.Errorf("consul: registering id %q: %w", r.id, err)
	}
	t.began = true
	if err := r.cfg.pass(ctx, r.check()); err != nil { // one that was there, and critical, is so still
		return fmt.Errorf("consul: the check of id %q: %w", r.id, err)
	}
	return nil
}

// same reports whether nothing is told differently.
func (d *definition) same(other *definition) bool {
	return d.ID == other.ID && d.Service == other.Service && slices.Equal(d.Tags, other.Tags) && d.Address == other.Address && d.Port == other.Port &&
		maps.Equal(d.Meta, other.Meta) && d.Weights == other.Weights
}

// leave takes the node off, unless the id is another's.
func (r *Registrar) leave(ctx context.Context, t *tenure) error {
	defer func() {
		if r.cfg.own {
			r.cfg.client.CloseIdleConnections()
		}
	}()
	there, err := r.cfg.registered(ctx, r.id)
	if err != nil || there == nil || t.owner == "" || there.Meta[metaOwner] != t.owner {
		return err
	}
	if err := r.cfg.deregister(ctx, r.id); !unknown(err) {
		return err
	}
	return nil
}
