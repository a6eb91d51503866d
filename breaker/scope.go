package breaker

import (
	"sync/atomic"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

// Target is what a Guard guards: one method of one node.
type Target struct {
	Node     muxpool.Node
	Method   string           // "": the service has one, or they are not told apart
	Identity muxpool.Identity // whose connections the calls use; zero: anybody's
	OneWay   bool             // calls have no answer: they are not judged, and are never a probe
}

// Scope is a service within a Group: its nodes are compared, and counted for
// WithMaxEjection, among themselves. It is safe for concurrent use.
type Scope struct {
	group   *Group
	name    string
	changes atomic.Uint64
}

// Scope returns the service of that name, known or new, and puts opts on top of its
// settings, which are the group's but for them. The group itself is the service
// without a name.
func (g *Group) Scope(name string, opts ...Option) *Scope {
	return &Scope{group: g, name: name}
}

// Guard returns the guard of a target.
func (s *Scope) Guard(t Target) *Guard { return &Guard{s, t} }

// Hold says that the service has the node: see Group.Hold.
func (s *Scope) Hold(node muxpool.Node) (release func()) { return s.group.Hold(node) }

// Update puts opts on top of the service's settings: see Group.Update.
func (s *Scope) Update(opts ...Option) error { return s.group.Update(opts...) }

// Changes is a number that grows whenever Ready may say something else of any of the
// service's targets, the passing of time included. It takes no lock.
func (s *Scope) Changes() uint64 { return s.changes.Load() }

// Guard refuses or judges the calls to one target. It is safe for concurrent use.
type Guard struct {
	scope  *Scope
	target Target
}

// Target returns what is guarded.
func (g *Guard) Target() Target { return g.target }

// Ready reports whether a call may go there now: what Check says, without an error
// being made. It takes no lock and does not allocate.
func (g *Guard) Ready() bool { return g.Check() == nil }

// Check returns nil, or the *OpenError that a call would get now.
func (g *Guard) Check() error { return g.scope.group.Check(g.target.Node) }

// Middleware guards calls: see Group.Middleware.
func (g *Guard) Middleware() endpoint.Middleware { return g.scope.group.Middleware(g.target.Node) }
