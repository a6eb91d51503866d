package endpoint

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// NodeEndpoint is one method on one node: what a Balancer chooses between. Make
// one with NewNodeEndpoint; a Set and a Directory make their own.
type NodeEndpoint struct {
	member *member
	call   endpoint.Endpoint
	scope  scope // that of guard
	guard  guard // around call; nil for none, or if it is not known here
	later  later // what the peer's retry-after asks of the method
	unseen bool  // nothing of the user's around or beneath it sees the context of a call, but for what its guard has
}

// ignoresContext reports whether nobody would see what the context of a call tells.
func (e *NodeEndpoint) ignoresContext() bool {
	if !e.unseen {
		return false
	}
	switch g := e.guard.(type) {
	case nil:
		return true
	case *breaker.Guard:
		return !g.Classified()
	}
	return false
}

// member is a node that discovery named. All methods of a Set share it, so that
// the load of a node counts every call that goes there. It lives once: a node
// that discovery drops and names again is a new member, while the old one
// drains.
type member struct {
	node     muxpool.Node
	text     string // node's: the key of its place in lists
	affinity affinity
	calls    visitors // shut when discovery drops the node
	credit   credit
	weight   weight
	drain    atomic.Pointer[Drain] // an operator's order; nil: none
	near     atomic.Bool           // it is in the own zone: see WithZone
	standIn  atomic.Bool           // it is here for one of the subset that takes no calls: see WithSubset
	timing   *timing               // its Set's; nil without one
	minute   minute

	tenure // guarded by the mutex of its Set
}

// tenure is what a Set knows of a member from its coming to its end.
type tenure struct {
	round   uint64      // of the last list of instances that names it
	told    Instance    // what that says of it
	gone    bool        // discovery has dropped it
	closers []io.Closer // to be closed when its last call has returned
	drained bool        // that has happened, and closers are closed
}

func newMember(node muxpool.Node) *member {
	text := node.String()
	return &member{node: node, text: text, affinity: affinityOf(text), weight: weight{epoch: time.Now()}}
}

// NewNodeEndpoint makes a NodeEndpoint of ep, which calls node.
func NewNodeEndpoint(node muxpool.Node, ep endpoint.Endpoint) *NodeEndpoint {
	return &NodeEndpoint{member: newMember(node), call: ep}
}

// Node returns the node.
func (e *NodeEndpoint) Node() muxpool.Node { return e.member.node }

// InFlight returns the number of calls to the node that have not returned.
func (e *NodeEndpoint) InFlight() int { return e.member.calls.inside() }

// Call is a go-kit endpoint that calls the node and counts as in flight. It
// fails with a RemovedError once discovery has dropped the node.
func (e *NodeEndpoint) Call(ctx context.Context, request any) (any, error) {
	if !e.member.calls.enter() {
		return nil, &RemovedError{Node: e.member.node}
	}
	defer e.member.calls.leave()
	response, err, _ := e.serve(ctx, request)
	return response, err
}

// serve makes a call that is inside, and has the node learn of its end; paid is as learn's.
func (e *NodeEndpoint) serve(ctx context.Context, request any) (response any, err error, paid bool) {
	if e.member.timing.on() {
		response, err = e.measured(ctx, request)
	} else {
		response, err = e.call(ctx, request)
	}
	return response, err, e.learn(err)
}

// measured makes a call while the Set measures (see method.measured).
func (e *NodeEndpoint) measured(ctx context.Context, request any) (any, error) {
	return e.member.minute.measured(ctx, e.member.timing, func() (any, error) { return e.call(ctx, request) })
}

// Endpointer yields the nodes to choose between. The slice is shared: it must
// not be changed, neither by who yields nor by who gets it. Safe for concurrent
// use.
type Endpointer interface {
	NodeEndpoints() ([]*NodeEndpoint, error)
}

// FixedEndpointer yields always the same nodes.
type FixedEndpointer []*NodeEndpoint

// NodeEndpoints implements Endpointer.
func (f FixedEndpointer) NodeEndpoints() ([]*NodeEndpoint, error) { return f, nil }
