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

	cfg     config
	service string
	stop    context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended
	refresh chan struct{} // capacity 1: an end of a pause is wanted

	// These belong to the goroutine.
	api        api
	slices     map[string]endpointSlice // by name
	version    string                   // up to which they are known; empty: they have to be listed
	had        bool                     // there was a slice
	backoff    discovery.Backoff
	complaints discovery.Complaints
}

var names = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`) // RFC 1123, as Kubernetes has it

// NewInstancer follows the EndpointSlices of a service until Stop. It does not wait for the API server.
func NewInstancer(service string, opts ...Option) (*Instancer, error) {
	cfg, err := config{}.with(opts)
	switch {
	case err != nil:
		return nil, err
	case !names.MatchString(service):
		return nil, fmt.Errorf("%w: %.256q is no name of a service", ErrInvalidOption, service)
	case !names.MatchString(cfg.namespace):
		return nil, fmt.Errorf("%w: WithNamespace(%.256q) is none", ErrInvalidOption, cfg.namespace)
	}
	ctx, cancel := context.WithCancel(context.Background())
	publisher := &muxendpoint.Publisher{MinInterval: minInterval}
	i := &Instancer{Instancer: publisher, publisher: publisher, cfg: cfg, service: service, stop: cancel, done: make(chan struct{}), refresh: make(chan struct{}, 1),
		api: api{cfg: cfg, service: service}, backoff: discovery.Backoff{Min: minBackoff, Max: maxBackoff}}
	i.complaints.Logger = cfg.logger
	go i.run(ctx)
	return i, nil
}

// Await returns when the pods are known for the first time, or with an error when ctx ends, which tells what the API server
// said.
func (i *Instancer) Await(ctx context.Context) error { return i.publisher.Await(ctx) }

// Refresh implements muxendpoint.Refresher: it ends a pause after a failure. It does not wait.
func (i *Instancer) Refresh() {
	select {
	case i.refresh <- struct{}{}:
	default:
	}
}

// Stop implements sd.Instancer. When it returns nothing is told any more.
func (i *Instancer) Stop() {
	i.stop()
	<-i.done
	i.publisher.Stop()
}

func (i *Instancer) run(ctx context.Context) {
	defer close(i.done)
	defer i.api.close()
	for {
		err := i.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errGone) { // the server is well
			i.version = ""
		} else if err != nil {
			i.fail(err)
		}
		if discovery.Pause(ctx, i.backoff.Next(), i.refresh) {
			return
		}
	}
}

func (i *Instancer) fail(err error) {
	i.publisher.Fail(fmt.Errorf("kubernetes: service %s/%s: %w", i.cfg.namespace, i.service, err))
}

// follow lists if need be, and watches once.
func (i *Instancer) follow(ctx context.Context) error {
	if i.version == "" {
		all, version, err := i.api.list(ctx)
		if err != nil {
			return err
		}
		i.version, i.slices = version, make(map[string]endpointSlice)
		for _, s := range all {
			i.slices[s.Metadata.Name] = s
		}
		i.publish()
	}
	// The watch calls on a goroutine of its own; what is known belongs to this one.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, ended := make(chan watchEvent), make(chan error, 1)
	begun, version := make(chan struct{}), i.version
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
	var settled <-chan time.Time // nil: nothing is new
	for {
		select {
		case <-begun:
			begun = nil
			i.publish() // also that an error is over
		case ev := <-events:
			if err := i.apply(ev); err != nil {
				cancel()
				<-ended
				return err
			}
			i.backoff.Reset()
			if settled == nil && ev.Type != "BOOKMARK" {
				settled = time.After(settleTime)
			}
		case <-settled:
			settled = nil
			i.publish()
		case err := <-ended:
			if settled != nil {
				i.publish()
			}
			if err == nil {
				i.backoff.Reset()
			}
			return err
		}
	}
}

// apply follows an event.
func (i *Instancer) apply(ev watchEvent) error {
	s := ev.Object
	switch ev.Type {
	case "ERROR":
		i.version = ""
		return refusal(s.Code, []byte(s.Message))
	case "ADDED", "MODIFIED", "DELETED", "BOOKMARK":
	default:
		return nil // of a newer server
	}
	if s.Metadata.ResourceVersion == "" || ev.Type != "BOOKMARK" && s.Metadata.Name == "" {
		i.version = ""
		return fmt.Errorf("an event %s without a name or a resourceVersion", ev.Type)
	}
	i.version = s.Metadata.ResourceVersion
	switch ev.Type {
	case "DELETED":
		delete(i.slices, s.Metadata.Name)
	case "ADDED", "MODIFIED":
		i.slices[s.Metadata.Name] = s
	}
	return nil
}

// publish tells what is known.
func (i *Instancer) publish() {
	if len(i.slices) == 0 && !i.had {
		i.fail(errors.New("it has no EndpointSlice"))
		return
	}
	i.had = true
	list, err := i.cfg.merge(i.slices, &i.complaints)
	if err != nil {
		i.fail(err)
		return
	}
	i.publisher.Publish(list)
}
