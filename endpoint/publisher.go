package endpoint

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/kit/sd"
)

// Publisher is an Instancer that tells what it is told: the list that Publish was given last,
// and after it the error of Fail, while that stands. It is what followers of discovery systems are made of, and tests: its
// zero value is ready, and has nothing to tell yet. It is safe for concurrent use; it must not
// be copied after first use.
//
// Publish and Fail never wait for whoever is registered. Each of those gets its events in their order,
// on a goroutine of its own, and if it is slow the newest list and the newest error instead of
// all: one that takes nothing delays nobody else. What was told already is not told again.
//
// Who registers gets the list before Register returns, also when it is an error that came last:
// who comes while the discovery system is away has the last list at once.
type Publisher struct {
	// MinInterval is the least time from one event to the next, for each who is registered: a
	// thousand changes in a second need not be a thousand lists of a thousand nodes. Zero is
	// none. It is set before first use.
	MinInterval time.Duration

	mu          sync.Mutex // guards what follows; nothing is waited for while it is held
	list        []Instance
	lists       uint64 // how often list was another, or good again after an error; 0: there is none
	err         error  // what stands
	errs        uint64 // how often err was another
	listed      chan struct{}
	subscribers map[any]*subscriber // by their channels
	stopped     bool
}

// subscriber is one who is registered, with a goroutine that sends.
type subscriber struct {
	send        func(ev InstancesEvent) bool // false: quit
	wake        chan struct{}                // capacity 1: there may be something new
	quit        chan struct{}                // closed when it is to end
	done        chan struct{}                // closed when nothing is sent any more
	lists, errs uint64                       // what it knows; belongs to who sends
}

// Publish tells the list that there is now: empty means that there are no instances, which is
// told to nobody for an error. What was before, an error too, is over. The list is copied, its labels are
// not.
func (p *Publisher) Publish(instances []Instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lists > 0 && p.err == nil && slices.EqualFunc(p.list, instances, Instance.same) {
		return
	}
	p.list, p.err = slices.Clone(instances), nil
	if p.lists++; p.lists == 1 {
		close(p.isListed())
	}
	p.wakeAll()
}

// Fail tells that nothing is known at the moment, and why. The list stands. A nil error is none.
func (p *Publisher) Fail(err error) {
	if err == nil {
		return
	}
	err = worded(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil && p.err.Error() == err.Error() {
		return
	}
	p.err = err
	p.errs++
	p.wakeAll()
}

// Await returns when there was a list, or with an error if ctx ends before: it says what failed last, and wraps that
// and the context's. For programs that do not want to begin without their discovery.
func (p *Publisher) Await(ctx context.Context) error {
	p.mu.Lock()
	listed := p.isListed()
	p.mu.Unlock()
	select {
	case <-listed:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.lists > 0:
		return nil
	case p.err != nil:
		return fmt.Errorf("muxendpoint: no list of instances: %w (%w)", p.err, ctx.Err())
	}
	return fmt.Errorf("muxendpoint: no list of instances: %w", ctx.Err())
}

// isListed is the channel that the first list closes; mu is held.
func (p *Publisher) isListed() chan struct{} {
	if p.listed == nil {
		p.listed = make(chan struct{})
	}
	return p.listed
}

// wakeAll has those who are registered look; mu is held.
func (p *Publisher) wakeAll() {
	for _, s := range p.subscribers {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// Register implements sd.Instancer. It waits until the list, if there is one, was taken. Each
// event has a slice of its own: go-kit's endpointer sorts it.
func (p *Publisher) Register(ch chan<- sd.Event) {
	subscribe(p, ch, func(ev InstancesEvent) sd.Event {
		var addresses []string
		for _, in := range ev.Instances {
			addresses = append(addresses, in.Address)
		}
		return sd.Event{Instances: addresses, Err: ev.Err}
	})
}

// RegisterInstances implements Instancer. It waits until the list, if there is one, was taken.
func (p *Publisher) RegisterInstances(ch chan<- InstancesEvent) {
	subscribe(p, ch, func(ev InstancesEvent) InstancesEvent { return ev })
}

// Deregister implements sd.Instancer: when it returns nothing is sent to ch any more.
func (p *Publisher) Deregister(ch chan<- sd.Event) { p.unsubscribe(ch) }

// DeregisterInstances implements Instancer: when it returns nothing is sent to ch any more.
func (p *Publisher) DeregisterInstances(ch chan<- InstancesEvent) { p.unsubscribe(ch) }

// Stop implements sd.Instancer: nobody hears of anything any more, but who registers later gets the
// last list.
func (p *Publisher) Stop() {
	p.mu.Lock()
	p.stopped = true
	all := p.subscribers
	p.subscribers = nil
	p.mu.Unlock()
	for _, s := range all {
		close(s.quit)
	}
	for _, s := range all {
		<-s.done
	}
}
