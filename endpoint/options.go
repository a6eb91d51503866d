package endpoint

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Option sets one property of what it is given to: NewSet, (*Set).Endpoint
// (which starts from the Set's options, and refuses those that are the Set's alone), Retry, NewBalancer, Factory or
// NewDirectory; each names the options that it takes, and ignores others, but for those that only a Set takes
// (WithKeepNodes, WithRefreshInterval, WithZone, WithSubset), which are errors there. Zero, or
// nil, means the documented default, also on top of what was set before; "off", where it
// is something else, has an option of its own. A negative or senseless value is kept as
// an error that wraps ErrInvalidOption and names the option, and told by every call.
type Option func(*config)

type config struct {
	scope           scope // what WithBreakers gives; nil: none, or bind was not called
	group           *breaker.Group
	groupOpts       []breaker.Option
	service         *string                                     // of WithService
	parse           func(instance string) (muxpool.Node, error) // nil: ParseNode
	policy          Policy
	policyGiven     bool
	kind            Kind
	keep            keepTimes
	refreshInterval time.Duration
	retry           retryConfig
	slowStart       time.Duration // 0: the default
	noSlowStart     bool
	zone            string // empty: zones do not matter
	subset          subsetOf
	rules           []verdict.Rule
	outer           []func(method string) endpoint.Middleware
	perNode         []func(method string, node muxpool.Node) endpoint.Middleware
	invalid         []error
}

func newConfig(opts []Option) config {
	return config{}.with(opts)
}

// with returns a copy on which opts were applied.
func (c config) with(opts []Option) config {
	c.outer, c.perNode, c.invalid = slices.Clip(c.outer), slices.Clip(c.perNode), slices.Clip(c.invalid)
	for _, opt := range opts {
		if opt == nil {
			c.reject("a nil Option")
			continue
		}
		opt(&c)
	}
	return c
}

func (c *config) reject(format string, args ...any) {
	c.invalid = append(c.invalid, invalid(format, args...))
}

// ofSet are the names of the options that are a Set's alone, and were given.
func (c *config) ofSet() (given []string) {
	for _, o := range []struct {
		name  string
		given bool
	}{
		{"WithKeepNodes", c.keep != keepTimes{}},
		{"WithRefreshInterval", c.refreshInterval != 0},
		{"WithZone", c.zone != ""},
		{"WithSubset", c.subset != subsetOf{} && c.subset.who.id == 0},
		{"WithHashedSubset", c.subset.who.id != 0},
	} {
		if o.given {
			given = append(given, o.name)
		}
	}
	return given
}

// rejectOfSet rejects options for a method that would do nothing there, or the half of what they do for a node.
func (c *config) rejectOfSet(method string, opts []Option) {
	own := config{}.with(opts)
	given := own.ofSet()
	if own.parse != nil {
		given = append(given, "WithNodeParser")
	}
	switch {
	case own.noSlowStart:
		given = append(given, "WithoutSlowStart")
	case own.slowStart != 0:
		given = append(given, "WithSlowStart")
	}
	for _, name := range given {
		c.reject("Endpoint(%s): %s is for NewSet: all methods have the same nodes", quote(method, maxText), name)
	}
}

// byHand rejects options of a Set for something that is not made by one, where they would do nothing.
func (c config) byHand(what string) config {
	for _, name := range c.ofSet() {
		c.reject("%s: %s is for NewSet", what, name)
	}
	return c
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidOption, fmt.Sprintf(format, args...))
}

func (c *config) err() error {
	if c.invalid == nil {
		return nil
	}
	return errors.Join(c.invalid...)
}

// Options is all of opts as one, for packages that have several of a kind to give. Nil
// ones are refused, as by whom they are given to.
func Options(opts ...Option) Option {
	return func(c *config) { *c = c.with(opts) }
}

// WithNodeParser sets how an instance string becomes a node. Default, also for nil:
// ParseNode.
// An instance for which parse returns an error is logged and left out, and parse is asked
// again at the next event that names it; what it made a node of is not asked again while
// discovery goes on naming it. See NewSet for what it may do.
func WithNodeParser(parse func(instance string) (muxpool.Node, error)) Option {
	return func(c *config) {
		c.parse = parse
	}
}

// WithPolicy sets how the Balancer chooses. Default PowerOfTwo.
func WithPolicy(p Policy) Option {
	return func(c *config) {
		if p > Random {
			c.reject("WithPolicy(%v)", p)
			return
		}
		c.policy, c.policyGiven = p, true
	}
}

// WithMiddleware puts middlewares around the logical call, outside of retries:
// logging, metrics, the span of the call. make gets the method that was given to
// (*Set).Endpoint. The first one given is the outermost.
func WithMiddleware(make func(method string) endpoint.Middleware) Option {
	return func(c *config) {
		if make == nil {
			c.reject("WithMiddleware(nil)")
			return
		}
		c.outer = append(c.outer, make)
	}
}

// WithNodeMiddleware puts middlewares around each attempt, inside of retries and
// outside of the breaker: the span of the attempt, a rate limit per node. make is
// called once for each method and node. The first one given is the outermost. A
// Factory has no method: make gets an empty one there.
// A middleware may end the attempt with an error of its own. That does not undo what the
// node was called for: "not sent" counts only if that was not, either.
func WithNodeMiddleware(make func(method string, node muxpool.Node) endpoint.Middleware) Option {
	return func(c *config) {
		if make == nil {
			c.reject("WithNodeMiddleware(nil)")
			return
		}
		c.perNode = append(c.perNode, make)
	}
}
