package endpoint

import (
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// scope is what this package asks of a *breaker.Scope: a service among the breakers.
type scope interface {
	Guard(t breaker.Target) guard
	Hold(node muxpool.Node) (release func())
	Changes() uint64
	Changed() <-chan struct{}
}

// guard is what this package asks of a *breaker.Guard.
type guard interface {
	Ready() bool
	Check() error
	Middleware() endpoint.Middleware
}

type groupScope struct{ *breaker.Scope }

func (s groupScope) Guard(t breaker.Target) guard { return s.Scope.Guard(t) }

// WithBreakers has the breakers of g guard each method of each node. The Balancer then
// chooses no node whose breaker is open. opts are settings of this service's, on top of
// the group's. It does not close g.
//
// A Set is a service of its own among the breakers (see WithService), whose nodes are
// compared with each other. (*Set).Endpoint takes it for a method that shall have
// breakers of its own: what happens to its calls is then nothing to the Set's other
// methods, and the other way round.
func WithBreakers(g *breaker.Group, opts ...breaker.Option) Option {
	return func(c *config) {
		if g == nil {
			c.reject("WithBreakers(nil)")
			return
		}
		c.group, c.groupOpts, c.scope = g, opts, nil
	}
}

// WithService names the service that the nodes are of, for the breakers: their events and
// figures tell it, and those of one service are judged together. Default for a Set: a name
// of its own, "set 1" and so on; for what is made by hand: that of the group without a
// service, "". Given to (*Set).Endpoint, it makes the method a service of its own.
func WithService(name string) Option {
	return func(c *config) { c.service, c.scope = &name, nil }
}

// sets counts Sets, whose breakers must not be those of another by accident.
var sets atomic.Int64

func nextSetName() string { return "set " + strconv.FormatInt(sets.Add(1), 10) }

// bind makes the scope that WithBreakers asks for, with the name that WithService gives, or
// otherwise. release lets it go; who never calls that keeps the scope for ever.
func (c *config) bind(otherwise string) (release func()) {
	if c.service == nil {
		c.service = &otherwise
	}
	if c.group == nil || c.scope != nil {
		return func() {}
	}
	s, release := c.group.UseScope(*c.service, c.groupOpts...)
	c.scope = groupScope{s}
	if err := c.group.Err(); err != nil {
		c.invalid = append(c.invalid, fmt.Errorf("%w: WithBreakers: %w", ErrInvalidOption, err))
	}
	return release
}
