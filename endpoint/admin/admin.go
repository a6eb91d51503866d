package admin

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/debug"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// ErrInvalidOption: an option of New makes no sense; the text names it.
var ErrInvalidOption = errors.New("admin: invalid option")

// Handler serves the page. It is safe for concurrent use.
type Handler struct {
	parts
	events *events
	cancel func() // ends the subscriptions
}

// parts are what is looked at.
type parts struct {
	sets     []*muxendpoint.Set
	groups   []named[*breaker.Group]
	pools    []named[debug.Pool]
	services []named[*muxtransport.Service]

	maxEvents  int
	unmeasured bool
	acting     *acting // nil: the page can only be read
	err        error
}

type named[T any] struct {
	name string // as it is shown
	it   T
}

// Option says what the page shows.
type Option func(*parts)

// WithSet shows a Set, under its own name (muxendpoint.WithService): its nodes, with weights
// and calls.
func WithSet(set *muxendpoint.Set) Option {
	return func(p *parts) {
		if set == nil {
			p.reject("WithSet(nil)")
			return
		}
		p.sets = append(p.sets, set)
	}
}

// WithBreakers shows a group of breakers, and its changes as events. name tells it from others;
// it may be empty if there are none.
func WithBreakers(name string, group *breaker.Group) Option {
	return func(p *parts) { p.groups = add(p, p.groups, "WithBreakers", name, group, group == nil) }
}

// WithPool shows a pool, which a *muxpool.Multiplexed is, and its events. name is as in
// WithBreakers.
func WithPool(name string, pool debug.Pool) Option {
	return func(p *parts) { p.pools = add(p, p.pools, "WithPool", name, pool, pool == nil) }
}

// WithService shows a Service: its calls by method, and how near it is to its limits. name is
// as in WithBreakers.
func WithService(name string, service *muxtransport.Service) Option {
	return func(p *parts) { p.services = add(p, p.services, "WithService", name, service, service == nil) }
}

// WithoutMeasuring leaves out what the Sets' nodes and methods did in the last minute: the Sets
// are not asked to measure it (see (*muxendpoint.Set).Measure), which costs each call some looks at the clock.
func WithoutMeasuring() Option { return func(p *parts) { p.unmeasured = true } }

// defaultEvents is how many lines of events are kept unless told otherwise.
const defaultEvents = 200

// WithEvents sets how many lines of events are kept, in all. Default, also for 0: 200; at most
// 10,000.
func WithEvents(n int) Option {
	return func(p *parts) {
		if n < 0 || n > 10_000 {
			p.reject(fmt.Sprintf("WithEvents(%d): not from 0 to 10000", n))
			return
		}
		p.maxEvents = n
	}
}

func add[T any](p *parts, to []named[T], option, name string, it T, isNil bool) []named[T] {
	if isNil {
		p.reject(fmt.Sprintf("%s(%s, nil)", option, text.Quoted(name, maxText)))
		return to
	}
	for _, other := range to {
		if other.name == clean(name) {
			p.reject(fmt.Sprintf("%s(%s): two of that name", option, text.Quoted(name, maxText)))
			return to
		}
	}
	return append(to, named[T]{clean(name), it})
}

func (p *parts) reject(what string) {
	p.err = errors.Join(p.err, fmt.Errorf("%w: %s", ErrInvalidOption, what))
}

// New makes a Handler, which hears of events, and has the Sets measure their calls, from now on until Close. Its error wraps
// ErrInvalidOption.
func New(options ...Option) (*Handler, error) {
	h := &Handler{}
	for _, option := range options {
		if option != nil {
			option(&h.parts)
		}
	}
	if h.err != nil {
		return nil, h.err
	}
	if h.maxEvents == 0 {
		h.maxEvents = defaultEvents
	}
	h.events = &events{max: h.maxEvents}
	var cancels []func()
	for _, p := range h.pools {
		cancels = append(cancels, p.it.Subscribe(h.events.ofPool(p.name)))
	}
	for _, g := range h.groups {
		cancels = append(cancels, g.it.Subscribe(h.events.ofBreakers(g.name)))
	}
	for _, s := range h.sets {
		if !h.unmeasured {
			cancels = append(cancels, s.Measure())
		}
	}
	h.cancel = sync.OnceFunc(func() {
		h.events.close()
		for _, cancel := range cancels {
			cancel()
		}
	})
	return h, nil
}

// Close ends the subscriptions, and what the Sets measure: no event is heard of any more. The page can still be read. It
// may be called again.
func (h *Handler) Close() { h.cancel() }

// page looks at all parts.
func (h *Handler) page(now time.Time) page {
	p := page{Time: now.UTC(), Sets: []set{}, Breakers: []group{}, Pools: []pool{}, Services: []service{}}
	for _, s := range h.sets {
		p.Sets = append(p.Sets, newSet(s.Stats(), now))
	}
	missed := uint64(0)
	for _, g := range h.groups {
		p.Breakers = append(p.Breakers, newGroup(g.name, g.it.Status(), now))
		missed += uint64(g.it.Missed())
	}
	for _, q := range h.pools {
		p.Pools = append(p.Pools, pool{q.name, debug.NewPage(q.it.Stats(), p.Time)})
	}
	for _, s := range h.services {
		p.Services = append(p.Services, newService(s.name, s.it.Health("").String(), s.it.Stats()))
	}
	p.Events = h.events.told()
	p.Events.NotHeard += missed
	return p
}

// maxText bounds, in bytes, a text of others.
const maxText = 256

// clean makes a text of others fit to be shown.
func clean(s string) string { return text.Shown(s, maxText) }

// cause is the text of an error, empty of none.
func cause(err error) string {
	if err == nil {
		return ""
	}
	return text.Said(err.Error(), maxText)
}
