package breaker

import (
	"fmt"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
)

// Group holds a breaker per node.
type Group struct{ err error }

type settings struct {
	maxEjection float64
	invalid     []error
}

// Option sets one property of a Group.
type Option func(*settings)

// WithMaxEjection sets the largest share of the live nodes that may be ejected.
func WithMaxEjection(share float64) Option {
	return func(s *settings) {
		if share < 0 || share > 1 {
			s.invalid = append(s.invalid, fmt.Errorf("%w: WithMaxEjection(%v)", ErrInvalidOption, share))
		}
		s.maxEjection = share
	}
}

// NewGroup makes a Group.
func NewGroup(opts ...Option) *Group { return &Group{} }

// Err tells of an invalid option.
func (g *Group) Err() error { return g.err }

// Close ends the group.
func (g *Group) Close() {}

// Watch feeds the group with a pool's events.
func (g *Group) Watch(source interface {
	Subscribe(func(muxpool.Event)) (cancel func())
}) (stop func()) {
	return source.Subscribe(func(muxpool.Event) {})
}

// Middleware guards calls to node.
func (g *Group) Middleware(node muxpool.Node) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint { return next }
}

// Check tells whether a call may go to node now.
func (g *Group) Check(node muxpool.Node) error { return g.err }

// Hold says that node is in use.
func (g *Group) Hold(node muxpool.Node) (release func()) { return func() {} }
