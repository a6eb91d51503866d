package dnssd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/miekg/dns"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// Instancer tells the nodes that the DNS names. It is an sd.Instancer for go-kit, a muxendpoint.Instancer, which tells weights
// too, and a muxendpoint.Refresher. It is safe for concurrent use.
//
// Who registers with it before the DNS has answered for the first time hears nothing until then: see Await.
type Instancer struct {
	muxendpoint.Instancer // publisher, but for Stop
	publisher             *muxendpoint.Publisher

	name    string // whole, with a dot at its end
	port    uint16 // 0: SRV records are asked for
	cfg     config
	stop    context.CancelFunc
	done    chan struct{} // closed when the goroutine has ended
	refresh chan struct{} // capacity 1: a look is wanted now

	// These belong to the goroutine.
	server     int                    // the index of the one that answered last
	known      map[uint16]answer      // the last answer for each kind of addresses
	list       []muxendpoint.Instance // that was told last
	named      bool                   // there was one
	none       int                    // looks in a row in which the DNS said that there are none
	backoff    discovery.Backoff
	complaints discovery.Complaints
}

var (
	_ muxendpoint.Instancer = (*Instancer)(nil) // and so an sd.Instancer
	_ muxendpoint.Refresher = (*Instancer)(nil)
)

// NewSRV follows the SRV records of a name, such as _stock._tcp.example.org, until Stop. It does not wait for
// the DNS.
func NewSRV(name string, opts ...Option) (*Instancer, error) { return follow(name, 0, opts) }

// NewAddresses follows the A and AAAA records of a name, until Stop; all nodes have one port. It does not wait for the DNS.
func NewAddresses(name string, port uint16, opts ...Option) (*Instancer, error) {
	if port == 0 {
		return nil, fmt.Errorf("%w: port 0", ErrInvalidOption)
	}
	return follow(name, port, opts)
}

func follow(name string, port uint16, opts []Option) (*Instancer, error) {
	cfg, err := config{}.with(opts)
	if err != nil {
		return nil, err
	}
	if _, ok := dns.IsDomainName(name); !ok || dns.Fqdn(name) == "." {
		return nil, fmt.Errorf("%w: %.256q is no name of a domain", ErrInvalidOption, name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	publisher := &muxendpoint.Publisher{}
	i := &Instancer{Instancer: publisher, publisher: publisher, name: dns.Fqdn(name), port: port, cfg: cfg,
		stop: cancel, done: make(chan struct{}), refresh: make(chan struct{}, 1), known: make(map[uint16]answer),
		backoff: discovery.Backoff{Min: cfg.least, Max: max(min(maxBackoff, cfg.most), cfg.least)}}
	i.complaints.Logger = cfg.logger
	go i.run(ctx)
	return i, nil
}

// Await returns when the nodes are known for the first time, or with an error when ctx ends, which tells what
// the DNS said.
func (i *Instancer) Await(ctx context.Context) error { return i.publisher.Await(ctx) }

// Refresh implements muxendpoint.Refresher: the DNS is asked now, or when the last look is long enough ago. It does not wait.
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
	for {
		next := i.look(ctx)
		if discovery.Pause(ctx, i.cfg.least, nil) || next > i.cfg.least && discovery.Pause(ctx, next-i.cfg.least, i.refresh) {
			return
		}
		select {
		case <-i.refresh: // this look is what was asked for
		default:
		}
	}
}

// look asks, tells what is new, and returns when to look again.
func (i *Instancer) look(ctx context.Context) (next time.Duration) {
	list, ttl, err := i.lookUp(ctx)
	if ctx.Err() != nil {
		return 0
	}
	if errors.Is(err, errNone) || errors.Is(err, errNotHere) {
		if i.none++; i.none > 1 && i.named { // it is believed
			i.publisher.Publish(nil)
			return i.backoff.Next()
		}
	} else {
		i.none = 0
	}
	if list != nil && (err == nil || !slices.EqualFunc(list, i.list, sameAddress)) {
		i.list, i.named = list, true
		i.publisher.Publish(list)
	}
	if err != nil {
		i.publisher.Fail(fmt.Errorf("dns: %s: %w", i.name, err))
		return i.backoff.Next()
	}
	i.backoff.Reset()
	next = min(max(ttl, i.cfg.least), i.cfg.most)
	return next + rand.N(next/10+1)
}

func sameAddress(a, b muxendpoint.Instance) bool { return a.Address == b.Address }

// lookUp returns what there is, and for how long. A list and an error together: one of two questions was answered, and the
// list has the last answer to the other.
func (i *Instancer) lookUp(ctx context.Context) (list []muxendpoint.Instance, ttl time.Duration, err error) {
	if i.port != 0 {
		return i.lookUpHosts(ctx)
	}
	a, err := i.ask(ctx, dns.TypeSRV)
	if err != nil {
		return nil, 0, err
	}
	list, err = services(a.records, &i.complaints)
	return list, a.ttl, err
}

// lookUpHosts asks for both kinds of addresses.
func (i *Instancer) lookUpHosts(ctx context.Context) (list []muxendpoint.Instance, ttl time.Duration, err error) {
	var records []dns.RR
	var none, lost, never error // why a kind is missing: there are none; it was known; it never was, as where a server knows nothing of IPv6
	ttl = i.cfg.most
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, failed := i.ask(ctx, kind)
		switch _, known := i.known[kind]; {
		case failed == nil:
			i.known[kind] = a
			ttl = min(ttl, a.ttl)
		case errors.Is(failed, errNone):
			delete(i.known, kind)
			none = failed
		case known:
			lost = failed
		default:
			never = failed
		}
		records = append(records, i.known[kind].records...)
	}
	list = hosts(records, i.port, &i.complaints)
	switch {
	case lost != nil && never == nil:
		return list, 0, lost
	case lost != nil || never != nil && len(list) == 0:
		return nil, 0, errors.Join(lost, never)
	case len(list) > 0:
		if never != nil {
			i.complaints.LeftOut(i.name+": a kind of addresses", never)
		}
		return list, ttl, nil
	case len(records) > 0:
		return nil, 0, &discovery.NoneError{Entries: len(records), First: errNoAddress}
	}
	return nil, 0, none
}
