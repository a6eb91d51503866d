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

	name     string // whole, with a dot at its end
	port     uint16 // 0: SRV records are asked for
	cfg      config
	follower *discovery.Follower

	// These belong to its goroutine.
	server     int                    // the index of the one that answered last
	known      map[uint16]answer      // the last answer for each kind of addresses
	list       []muxendpoint.Instance // that was told last
	named      bool                   // there was one
	doubts     map[uint16]time.Time   // by kind, if the last word was that there are none: until when it is one and the same word
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
	cfg.Logger = discovery.Careful(cfg.Logger)
	if err != nil {
		return nil, err
	}
	if _, ok := dns.IsDomainName(name); !ok || dns.Fqdn(name) == "." {
		return nil, fmt.Errorf("%w: %.256q is no name of a domain", ErrInvalidOption, name)
	}
	publisher := &muxendpoint.Publisher{}
	i := &Instancer{Instancer: publisher, publisher: publisher, name: dns.Fqdn(name), port: port, cfg: cfg,
		known: make(map[uint16]answer), doubts: make(map[uint16]time.Time),
		backoff: discovery.Backoff{Min: cfg.least, Max: max(min(maxBackoff, cfg.most), cfg.least)}}
	i.complaints.Logger = cfg.Logger
	i.follower = discovery.Follow(context.Background(), i.run)
	return i, nil
}

// Await returns when the nodes are known for the first time, or with an error when ctx ends, which tells what
// the DNS said.
func (i *Instancer) Await(ctx context.Context) error { return i.publisher.Await(ctx) }

// Refresh implements muxendpoint.Refresher: the DNS is asked now, or when the last look is long enough ago. It does not wait.
func (i *Instancer) Refresh() { i.follower.Wake() }

// Stop implements sd.Instancer. When it returns nothing is told any more.
func (i *Instancer) Stop() {
	i.follower.Stop()
	i.publisher.Stop()
}

func (i *Instancer) run(ctx context.Context, wake <-chan struct{}) {
	for {
		next := i.look(ctx)
		if discovery.Pause(ctx, i.cfg.least, nil) || next > i.cfg.least && discovery.Pause(ctx, next-i.cfg.least, wake) {
			return
		}
		select {
		case <-wake: // this look is what was asked for
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
	if list != nil && (err == nil || !slices.EqualFunc(list, i.list, sameAddress)) {
		i.list, i.named = list, true
		i.publisher.Publish(list)
	}
	if err != nil {
		i.publisher.Fail(fmt.Errorf("dns: %s: %w", i.name, err))
	}
	if err != nil || len(list) == 0 {
		return i.backoff.Next()
	}
	i.backoff.Reset()
	next = min(max(ttl, i.cfg.least), i.cfg.most)
	return next + rand.N(next/10+1)
}

func sameAddress(a, b muxendpoint.Instance) bool { return a.Address == b.Address }

// isNone takes what became of a question, and reports whether it is to be believed that there are no such records: the DNS has
// said so twice in a row, and not from a memory, which repeats one word for as long as that holds.
func (i *Instancer) isNone(kind uint16, a answer, err error) bool {
	if !errors.Is(err, errNone) && err != errNotHere { // that it is among the reasons of a NoneError says nothing
		delete(i.doubts, kind)
		return false
	}
	if _, doubted := i.doubts[kind]; !doubted {
		i.doubts[kind] = time.Now().Add(min(a.ttl, i.cfg.most))
		return false
	}
	return !time.Now().Before(i.doubts[kind])
}

// lookUp returns what there is, and for how long. A list and an error together: one of two questions was answered, and the
// list has the last answer to the other. A list without nodes is not nil.
func (i *Instancer) lookUp(ctx context.Context) (list []muxendpoint.Instance, ttl time.Duration, err error) {
	if i.port != 0 {
		return i.lookUpHosts(ctx)
	}
	a, err := i.ask(ctx, dns.TypeSRV)
	if err == nil {
		list, err = services(a.records, &i.complaints)
	}
	if i.isNone(dns.TypeSRV, a, err) && i.named {
		return []muxendpoint.Instance{}, 0, nil
	}
	return list, a.ttl, err
}

// lookUpHosts asks for both kinds of addresses.
func (i *Instancer) lookUpHosts(ctx context.Context) (list []muxendpoint.Instance, ttl time.Duration, err error) {
	var records []dns.RR
	var none, lost, never error // why a kind is missing: there are none; it was known; it never was, as where a server knows nothing of IPv6
	ttl = i.cfg.most
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, failed := i.ask(ctx, kind)
		believed := i.isNone(kind, a, failed)
		switch _, known := i.known[kind]; {
		case failed == nil:
			i.known[kind] = a
			ttl = min(ttl, a.ttl)
		case errors.Is(failed, errNone) && (believed || !known):
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
	case i.named:
		return []muxendpoint.Instance{}, 0, nil
	}
	return nil, 0, none
}
