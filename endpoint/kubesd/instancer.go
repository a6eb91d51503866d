package kubesd

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// Instancer tells the pods of a service. It is an sd.Instancer for go-kit, a muxendpoint.Instancer, which tells zones too, and
// a muxendpoint.Refresher. It is safe for concurrent use.
//
// Who registers with it before the API server has answered for the first time hears nothing until then: see Await.
type Instancer struct {
	muxendpoint.Instancer // publisher, but for Stop
	publisher             *muxendpoint.Publisher

	cfg      config
	service  string
	follower *discovery.Follower

	// These belong to its goroutine.
	api        api
	known      known
	backoff    discovery.Backoff
	complaints discovery.Complaints
}

var names = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`) // RFC 1123, as Kubernetes has it

// NewInstancer follows the EndpointSlices of a service until Stop. It does not wait for the API server.
func NewInstancer(service string, opts ...Option) (*Instancer, error) {
	cfg, err := config{}.with(opts)
	cfg.Logger = discovery.Careful(cfg.Logger)
	switch {
	case err != nil:
		return nil, err
	case !names.MatchString(service):
		return nil, fmt.Errorf("%w: %.256q is no name of a service", ErrInvalidOption, service)
	case !names.MatchString(cfg.namespace):
		return nil, fmt.Errorf("%w: WithNamespace(%.256q) is none", ErrInvalidOption, cfg.namespace)
	}
	i := newInstancer(service, cfg)
	i.follower = discovery.Follow(context.Background(), i.run)
	return i, nil
}

// newInstancer makes one that does not follow yet.
func newInstancer(service string, cfg config) *Instancer {
	publisher := &muxendpoint.Publisher{MinInterval: minInterval}
	i := &Instancer{Instancer: publisher, publisher: publisher, cfg: cfg, service: service,
		api: api{cfg: cfg, service: service}, backoff: discovery.Backoff{Min: minBackoff, Max: maxBackoff}}
	i.complaints.Logger = cfg.Logger
	return i
}

// Await returns when the pods are known for the first time, or with an error when ctx ends, which tells what the API server
// said.
func (i *Instancer) Await(ctx context.Context) error { return i.publisher.Await(ctx) }

// Refresh implements muxendpoint.Refresher: it ends a pause after a failure, and otherwise has the Instancer look whether its
// watch has missed anything, if it has not for 10 s. It does not wait.
func (i *Instancer) Refresh() { i.follower.Wake() }

// Stop implements sd.Instancer. When it returns nothing is told any more.
func (i *Instancer) Stop() {
	i.follower.Stop()
	i.publisher.Stop()
}

func (i *Instancer) run(ctx context.Context, wake <-chan struct{}) {
	defer i.api.close()
	for {
		err := i.follow(ctx, wake)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errWoken):
			continue
		case err != nil && !errors.Is(err, errGone): // then the server is well
			i.fail(err)
		}
		if discovery.Pause(ctx, i.backoff.Next(), wake) {
			return
		}
	}
}

func (i *Instancer) fail(err error) {
	i.publisher.Fail(fmt.Errorf("kubernetes: service %s/%s: %w", i.cfg.namespace, i.service, err))
}

// errWoken: a look is wanted now.
var errWoken = errors.New("woken")

// follow learns what there is, and watches once.
func (i *Instancer) follow(ctx context.Context, wake <-chan struct{}) error {
	if err := i.catchUp(ctx); err != nil {
		return err
	}
	// The watch calls on a goroutine of its own; what is known belongs to this one.
	ctx, cancel := context.WithCancel(ctx)
	events, ended := make(chan watchEvent), make(chan error, 1)
	begun, version := make(chan struct{}), i.known.version
	go func() {
		ended <- i.api.watch(ctx, version, func() { close(begun) }, func(ev watchEvent) error {
			select {
			case events <- ev:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	end := func(err error) error {
		cancel()
		<-ended
		return err
	}
	var settled <-chan time.Time // nil: nothing is new
	defer func() {
		if settled != nil {
			i.publish()
		}
	}()
	since := time.Now()
	release := time.NewTimer(time.Until(i.known.until))
	defer release.Stop()
	for {
		select {
		case <-begun:
			begun = nil
			i.publish() // also that an error is over
		case ev := <-events:
			if err := i.known.apply(ev); err != nil {
				return end(err)
			}
			i.backoff.Reset()
			if settled == nil && ev.Type != "BOOKMARK" {
				settled = time.After(settleTime)
			}
		case <-settled:
			settled = nil
			i.publish()
		case <-release.C:
			if len(i.known.held) > 0 {
				i.publish()
			}
		case <-wake:
			if time.Since(since) >= lookInterval {
				return end(errWoken)
			}
		case err := <-ended:
			cancel()
			if err == nil {
				i.backoff.Reset()
			}
			return err
		}
	}
}

// catchUp learns what there is. Most often that is what is known, and the slices' metadata say so.
//
// It does not rely on what a watch would tell that goes on where the last one ended: an API server whose etcd has lost
// its data is not there yet, and sends nothing until it has come as far.
func (i *Instancer) catchUp(ctx context.Context) error {
	k := &i.known
	if k.version != "" {
		all, version, err := i.api.list(ctx, metadata)
		if err != nil {
			return err
		}
		if k.has(all) {
			k.version = version
			return nil
		}
	}
	all, version, err := i.api.list(ctx, whole)
	if err != nil {
		return err
	}
	if k.list(all, version, i.cfg.grace) {
		i.cfg.Log("msg", "the API server has lost its data: nodes that are missing are named a while longer", "service", i.service, "for", i.cfg.grace)
	}
	i.publish()
	return nil
}

// publish tells what is known.
func (i *Instancer) publish() {
	k := &i.known
	if k.release() {
		i.cfg.Log("msg", "nodes that are still missing after the API server had lost its data are not named any more", "service", i.service)
	}
	if len(k.slices) == 0 && !k.had {
		i.fail(errors.New("it has no EndpointSlice"))
		return
	}
	k.had = true
	list, err := i.cfg.merge(k.slices, &i.complaints)
	if err != nil {
		i.fail(err)
		return
	}
	i.publisher.Publish(k.tell(list))
}
