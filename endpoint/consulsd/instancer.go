package consulsd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/kit/sd"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
	"github.com/muxkit/muxkit/internal/text"
)

// Instancer tells the nodes of a service. It is an sd.Instancer for go-kit, a muxendpoint.Instancer, which tells weights, zones and
// labels too, and a muxendpoint.Refresher. It is safe for concurrent use.
//
// Who registers with it before Consul has answered for the first time hears nothing until then: see Await.
type Instancer struct {
	muxendpoint.Instancer // publisher, but for Stop
	publisher             *muxendpoint.Publisher

	service  string
	cfg      config
	follower *discovery.Follower
	entries  entries // belongs to its goroutine
}

var (
	_ muxendpoint.Instancer = (*Instancer)(nil) // and so an sd.Instancer
	_ muxendpoint.Refresher = (*Instancer)(nil)
	_ sd.Registrar          = (*Registrar)(nil)
)

// errWoken: a look is wanted now.
var errWoken = errors.New("woken")

// NewInstancer follows the nodes of a service until Stop. It does not wait for Consul.
func NewInstancer(service string, opts ...Option) (*Instancer, error) {
	cfg, err := config{}.with(opts)
	cfg.Logger = discovery.Careful(cfg.Logger)
	switch {
	case err != nil:
		return nil, err
	case cfg.ofRegistrar != "":
		return nil, fmt.Errorf("%w: %s is for NewRegistrar", ErrInvalidOption, cfg.ofRegistrar)
	case service == "":
		return nil, fmt.Errorf("%w: no name of a service", ErrInvalidOption)
	}
	publisher := &muxendpoint.Publisher{MinInterval: minInterval}
	i := &Instancer{Instancer: publisher, publisher: publisher, service: service, cfg: cfg}
	i.entries.complaints.Logger = cfg.Logger
	i.follower = discovery.Follow(context.Background(), i.run)
	return i, nil
}

// Await returns when nodes are known for the first time, or with an error when ctx ends: it tells what Consul's last
// failure was.
func (i *Instancer) Await(ctx context.Context) error { return i.publisher.Await(ctx) }

// Refresh implements muxendpoint.Refresher: it ends a pause after a failure, and otherwise has the Instancer ask anew. It does not
// wait.
func (i *Instancer) Refresh() { i.follower.Wake() }

// Stop implements sd.Instancer. When it returns nothing is told any more.
func (i *Instancer) Stop() {
	i.follower.Stop()
	i.publisher.Stop()
}

// run asks again and again, each time for what is another than the time before.
func (i *Instancer) run(ctx context.Context, wake <-chan struct{}) {
	if i.cfg.own {
		defer i.cfg.client.CloseIdleConnections()
	}
	backoff := i.cfg.backoff()
	var known uint64 // the index up to which all is known and told; 0: it has to be asked for without waiting
	for {
		began, wait := time.Now(), discovery.Jitter(i.cfg.wait, 2)
		a, err := i.ask(ctx, known, wait, wake)
		if ctx.Err() != nil {
			return
		}
		pause, ends := minInterval-time.Since(began), (<-chan struct{})(nil)
		lost := false
		if err == nil {
			lost, err = i.take(a)
		}
		switch {
		case errors.Is(err, errWoken):
			known = 0
		case err != nil:
			i.publisher.Fail(fmt.Errorf("consul: service %q: %w", i.service, err))
			known, pause, ends = 0, backoff.Next(), wake
		case lost:
			known = 0 // as Consul's documentation has it
		case a.index == known && time.Since(began) < wait/2: // it does not wait as it was asked to
			pause, ends = backoff.Next(), wake
		default:
			known = a.index
			backoff.Reset()
		}
		if discovery.Pause(ctx, pause, ends) {
			return
		}
	}
}

// ask waits for an answer. While it waits for a change, what was held is released.
func (i *Instancer) ask(ctx context.Context, index uint64, wait time.Duration, wake <-chan struct{}) (a answer, err error) {
	most := i.cfg.timeout
	var release <-chan time.Time
	if index > 0 {
		most = discovery.Sum(most, wait+wait/16) // which Consul adds, by chance
		if len(i.entries.held) > 0 {
			release = time.After(time.Until(i.entries.until))
		}
	} else {
		wake = nil // this is a look; and an error may stand
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a, err = i.cfg.health(ctx, i.service, index, wait)
	}()
	for {
		select {
		case <-done:
			if err != nil && ctx.Err() != nil {
				err = fmt.Errorf("no answer: %w", err)
			}
			return a, err
		case <-wake:
			cancel()
			<-done
			return a, errWoken
		case <-release:
			if i.entries.release() {
				i.cfg.Log("msg", "nodes that did not register again after Consul had lost its data are not named any more", "service", i.service)
				i.publish()
			}
		}
	}
}

// take follows an answer, and tells it.
func (i *Instancer) take(a answer) (lost bool, err error) {
	if a.filtered {
		i.entries.complaints.LeftOut(text.Shown(i.service, maxText), errHidden)
	}
	if lost, err = i.entries.list(a, &i.cfg); err != nil {
		return false, err
	}
	if lost {
		i.cfg.Log("msg", "Consul has lost its data: nodes that are missing are named a while longer", "service", i.service,
			"missing", len(i.entries.held), "for", i.cfg.grace)
	}
	i.entries.release()
	if !i.entries.had {
		return lost, errors.New("it has no node that passes its checks, and never had")
	}
	i.publish()
	return lost, nil
}

func (i *Instancer) publish() { i.publisher.Publish(i.entries.instances()) }
