package endpoint

import (
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/transport"
)

// Directory is for chains made by hand: its Factory method is the factory of
// go-kit's own sd.NewEndpointer, and a Balancer over it knows the nodes of the
// endpoints that were made. Safe for concurrent use.
type Directory struct {
	cfg   config
	build builder
	view  atomic.Pointer[view] // what Balancers choose from; stored under mu

	// mu guards the fields below. Nothing of the user's is called under it.
	mu     sync.Mutex
	live   map[*NodeEndpoint]struct{}
	closed bool
}

// NewDirectory makes a Directory for the Clients that client makes. It takes what
// Factory takes.
func NewDirectory(client func(n transport.Node) *transport.Client, opts ...Option) *Directory {
	d := &Directory{cfg: newConfig(opts), build: ofClient(client), live: make(map[*NodeEndpoint]struct{})}
	if client == nil {
		d.cfg.refuse("NewDirectory(nil)")
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
	d.closed = true
	live := d.live
	d.live = nil
	d.view.Store(&view{err: ErrSetClosed})
	d.mu.Unlock()
	for e := range live {
		e.member.calls.shut()
	}
}

func (d *Directory) add(e *NodeEndpoint) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.live[e] = struct{}{}
	d.publish()
	return true
}

func (d *Directory) remove(e *NodeEndpoint) {
	d.mu.Lock()
	delete(d.live, e)
	if !d.closed {
		d.publish()
	}
	d.mu.Unlock()
	e.member.calls.shut()
}

// publish is called under mu.
func (d *Directory) publish() {
	v := &view{nodes: slices.SortedFunc(maps.Keys(d.live), func(a, b *NodeEndpoint) int {
		return strings.Compare(a.Node().String(), b.Node().String())
	})}
	if len(v.nodes) == 0 {
		v.err = &NoNodesError{}
	}
	d.view.Store(v)
}
