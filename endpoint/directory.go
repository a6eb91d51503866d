package endpoint

import (
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/transport"
)

// Directory is for chains made by hand: its Factory method is the factory of
// go-kit's own sd.NewEndpointer, and a Balancer over it knows the nodes of the
// endpoints that were made.
//
// What a Set does and a Directory does not: it has neither retries nor waiting of its own (Retry
// over a Balancer over it has, with WithWait), and no methods that share nodes; it leaves it to
// the sd.Endpointer what an empty list, an error and a factory that fails mean, and a list that
// is empty for a moment cuts what go-kit closes; discovery is not asked again; of an Instancer it
// hears the addresses alone. Slow starts, breakers, probes, draining and CallKey are as in a Set.
//
// Safe for concurrent use.
type Directory struct {
	cfg     config
	build   builder
	view    atomic.Pointer[view] // what Balancers choose from; nil: the next one makes it; stored under mu
	changed bell                 // rings when view does

	// mu guards the fields below. Nothing of the user's is called under it.
	mu     sync.Mutex
	shown  []*NodeEndpoint            // in the order of their text; not changed in place
	since  time.Time                  // when the first of shown were
	fresh  map[*NodeEndpoint]struct{} // came since
	gone   []*member                  // left since
	closed bool
}

// NewDirectory makes a Directory for the Clients that client makes. It takes what
// Factory takes, and, for nodes that join others, WithSlowStart; NewBalancer takes that for those whose breaker was open.
func NewDirectory(client func(n transport.Node) *transport.Client, opts ...Option) *Directory {
	d := &Directory{cfg: newConfig(opts).byHand("NewDirectory"), build: ofClient(client), fresh: make(map[*NodeEndpoint]struct{})}
	if client == nil {
		d.cfg.reject("NewDirectory(nil)")
	}
	d.cfg.bind("")
	d.view.Store(&view{err: &NoNodesError{}})
	return d
}

// Factory is an sd.Factory; see the function Factory.
func (d *Directory) Factory(instance string) (endpoint.Endpoint, io.Closer, error) {
	e, err := d.cfg.nodeEndpoint(instance, d.build)
	if err != nil {
		return nil, nil, err
	}
	if !d.add(e) {
		e.member.calls.shut()
		return nil, nil, ErrSetClosed
	}
	return e.Call, release(func() { d.remove(e) }), nil
}

// NodeEndpoints implements Endpointer.
func (d *Directory) NodeEndpoints() ([]*NodeEndpoint, error) {
	v := d.view.Load()
	if v == nil {
		v = d.look()
	}
	return v.nodes, v.err
}

// Over is d as far as e has no error to tell: where e is an sd.NewEndpointer
// with sd.InvalidateOnError, which works only if somebody asks it.
func (d *Directory) Over(e sd.Endpointer) Endpointer { return overEndpointer{d, e} }

type overEndpointer struct {
	*Directory
	asked sd.Endpointer
}

func (o overEndpointer) NodeEndpoints() ([]*NodeEndpoint, error) {
	if _, err := o.asked.Endpoints(); err != nil {
		return nil, &NoNodesError{Cause: err}
	}
	return o.Directory.NodeEndpoints()
}

// Close lets all nodes go, which sd's DefaultEndpointer.Close does not. Calls in
// flight end normally.
func (d *Directory) Close() {
	d.mu.Lock()
	d.catchUp()
	live := d.shown
	d.closed, d.shown = true, nil
	d.view.Store(&view{err: ErrSetClosed})
	d.changed.ring()
	d.mu.Unlock()
	for _, e := range live {
		e.member.calls.shut()
	}
}

func (d *Directory) add(e *NodeEndpoint) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.fresh[e] = struct{}{}
	d.view.Store(nil)
	d.changed.ring()
	return true
}

func (d *Directory) remove(e *NodeEndpoint) {
	d.forget(e)
	e.member.calls.shut()
}

func (d *Directory) forget(e *NodeEndpoint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if _, ok := d.fresh[e]; ok {
		delete(d.fresh, e)
	} else {
		d.gone = append(d.gone, e.member)
	}
	d.view.Store(nil)
	d.changed.ring()
}

// look makes the view. The nodes come and go one by one, and many at once: what that costs
// is paid once, by who looks next.
func (d *Directory) look() *view {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.view.Load(); v != nil {
		return v // of somebody who was faster
	}
	d.catchUp()
	v := &view{nodes: distinct(d.shown)}
	if len(v.nodes) == 0 {
		v.err = &NoNodesError{}
	}
	d.view.Store(v)
	return v
}

// distinct leaves out all but one of the endpoints of a node, which has several if discovery
// names it in several spellings; list is in order.
func distinct(list []*NodeEndpoint) []*NodeEndpoint {
	same := func(a, b *NodeEndpoint) bool { return a.member.text == b.member.text }
	for i := 1; i < len(list); i++ {
		if same(list[i-1], list[i]) {
			return slices.CompactFunc(slices.Clone(list), same)
		}
	}
	return list
}

// start begins the slow start of those that came since, unless they are the first: go-kit's
// endpointer makes the nodes of one event one by one, while calls look. mu is held.
func (d *Directory) start() {
	now := time.Now()
	if len(d.shown) == len(d.gone) {
		d.since = now
	}
	if now.Sub(d.since) < together {
		return
	}
	for e := range d.fresh {
		d.cfg.start(e.member, now)
	}
}

// together is in which time the first nodes of a Directory come.
const together = time.Second

// catchUp brings shown up to date; mu is held.
func (d *Directory) catchUp() {
	if len(d.fresh)+len(d.gone) == 0 {
		return
	}
	d.start()
	added := slices.SortedFunc(maps.Keys(d.fresh), func(a, b *NodeEndpoint) int { return byText(a.member, b.member) })
	slices.SortFunc(d.gone, byText)
	d.shown = splice(d.shown, (*NodeEndpoint).itsMember, d.gone, added)
	d.gone = nil
	clear(d.fresh)
}
