package etcdsd

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-kit/kit/sd"
	clientv3 "go.etcd.io/etcd/client/v3"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// Instancer tells the nodes that are registered under a prefix of etcd's keys. It is an
// sd.Instancer for go-kit, a muxendpoint.Instancer, which tells weights, zones and labels too, and
// a muxendpoint.Refresher. It is safe for concurrent use.
//
// Who registers with it before etcd has answered for the first time hears nothing until then: see Await.
type Instancer struct {
	muxendpoint.Instancer // publisher, but for Stop
	publisher             *muxendpoint.Publisher

	client   *clientv3.Client
	prefix   string
	cfg      config
	follower *discovery.Follower
	entries  entries // belongs to its goroutine
}

var (
	_ muxendpoint.Instancer = (*Instancer)(nil) // and so an sd.Instancer
	_ muxendpoint.Refresher = (*Instancer)(nil)
	_ sd.Registrar          = (*Registrar)(nil)
)

// NewInstancer follows the keys that begin with prefix, until Stop. A prefix should end as its
// service's name does ("/services/stock/"), since "/services/stock" is that of "/services/stockroom/"
// too. The client is not closed, nor is anything of it.
//
// It does not wait for etcd.
func NewInstancer(client *clientv3.Client, prefix string, opts ...Option) (*Instancer, error) {
	cfg, err := config{}.with(opts)
	cfg.Logger = discovery.Careful(cfg.Logger)
	switch {
	case err != nil:
		return nil, err
	case cfg.ofRegistrar != "":
		return nil, fmt.Errorf("%w: %s is for NewRegistrar", ErrInvalidOption, cfg.ofRegistrar)
	case client == nil:
		return nil, fmt.Errorf("%w: nil client", ErrInvalidOption)
	case prefix == "":
		return nil, fmt.Errorf("%w: an empty prefix is all of etcd", ErrInvalidOption)
	}
	publisher := &muxendpoint.Publisher{MinInterval: minInterval}
	i := &Instancer{Instancer: publisher, publisher: publisher, client: client, prefix: prefix, cfg: cfg}
	i.entries.complaints.Logger = cfg.Logger
	i.follower = discovery.Follow(client.Ctx(), i.run)
	return i, nil
}

// Await returns when the nodes are known for the first time, or with an error when ctx ends: it
// tells what etcd's last failure was.
func (i *Instancer) Await(ctx context.Context) error { return i.publisher.Await(ctx) }

// Refresh implements muxendpoint.Refresher: it ends a pause after a failure, and otherwise has the
// Instancer look whether its watch is alive. It does not wait.
func (i *Instancer) Refresh() { i.follower.Wake() }

// Stop implements sd.Instancer. When it returns nothing is told any more.
func (i *Instancer) Stop() {
	i.follower.Stop()
	i.publisher.Stop()
}

// run follows the prefix again and again.
func (i *Instancer) run(ctx context.Context, wake <-chan struct{}) {
	backoff := i.cfg.backoff()
	for {
		err := i.follow(ctx, wake, backoff.Reset)
		if ctx.Err() != nil {
			if i.client.Ctx().Err() != nil {
				i.publisher.Fail(fmt.Errorf("etcd: prefix %q: the client was closed", i.prefix))
			}
			return
		}
		if errors.Is(err, errListAgain) { // etcd is well
			err = nil
		}
		if err != nil {
			i.publisher.Fail(fmt.Errorf("etcd: prefix %q: %w", i.prefix, err))
		}
		if discovery.Pause(ctx, backoff.Next(), wake) {
			return
		}
	}
}

// publish tells what is known.
func (i *Instancer) publish() {
	list, err := i.entries.instances()
	if err != nil {
		i.publisher.Fail(fmt.Errorf("etcd: prefix %q: %w", i.prefix, err))
		return
	}
	i.publisher.Publish(list)
}
