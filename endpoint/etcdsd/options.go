package etcdsd

import (
	"cmp"
	"errors"
	"time"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/discovery"
)

// ErrInvalidOption is wrapped by what NewInstancer and NewRegistrar return for what makes no sense.
var ErrInvalidOption = errors.New("etcdsd: invalid option")

// Option is for NewInstancer, NewRegistrar, or both; one that is given to the other is an error.
type Option func(*config)

type config struct {
	discovery.Options
	timeout                  time.Duration
	minBackoff, maxBackoff   time.Duration
	check, grace             time.Duration
	ttl, drain               time.Duration
	ofInstancer, ofRegistrar string // an option that is for one of them only
}

// Bounds, and defaults of options.
const (
	defaultTimeout    = 5 * time.Second
	defaultMinBackoff = 100 * time.Millisecond
	defaultMaxBackoff = 10 * time.Second
	defaultCheck      = 10 * time.Second
	defaultGrace      = time.Minute
	defaultTTL        = 10 * time.Second
	defaultDrain      = time.Second
	minTTL            = 2 * time.Second // etcd raises shorter ones
	minInterval       = 100 * time.Millisecond
)

func (c config) with(opts []Option) (config, error) {
	c.Invalid = ErrInvalidOption
	discovery.Apply(&c, opts)
	c.timeout = cmp.Or(c.timeout, defaultTimeout)
	c.minBackoff = cmp.Or(c.minBackoff, defaultMinBackoff)
	c.maxBackoff = cmp.Or(c.maxBackoff, max(defaultMaxBackoff, c.minBackoff))
	c.check = cmp.Or(c.check, defaultCheck)
	c.grace = cmp.Or(c.grace, defaultGrace)
	c.ttl = cmp.Or(c.ttl, defaultTTL)
	c.drain = cmp.Or(c.drain, defaultDrain)
	c.Ordered("WithBackoff", c.minBackoff, c.maxBackoff)
	return c, c.Fault
}

func (c *config) backoff() discovery.Backoff {
	return discovery.Backoff{Min: c.minBackoff, Max: c.maxBackoff}
}

// duration is an option that sets one, which is not negative.
func duration(name string, d time.Duration, set func(*config)) Option {
	return func(c *config) {
		if c.NotNegative(name, d) {
			set(c)
		}
	}
}

// WithLogger sets who hears of entries that are left out, of data that etcd has lost, and of a
// Registrar's registrations and losses. Errors of an Instancer are told to whoever is registered with
// it, such as a Set, which logs them.
func WithLogger(l log.Logger) Option { return func(c *config) { c.Logger = l } }

// WithTimeout sets how long etcd has for one answer. Default 5 s.
func WithTimeout(d time.Duration) Option {
	return duration("WithTimeout", d, func(c *config) { c.timeout = d })
}

// WithBackoff sets the pauses after failures: from the first, doubling up to the second; up to half of each is
// taken off by chance. Defaults 100 ms and 10 s; a Registrar pauses no longer than a third of its lease's time.
func WithBackoff(least, most time.Duration) Option {
	return func(c *config) {
		if c.NotNegative("WithBackoff", least, most) {
			c.minBackoff, c.maxBackoff = least, most
		}
	}
}

// WithCheckInterval sets how often an Instancer looks whether its watch is alive and complete; up to a quarter is taken
// off by chance. Default 10 s.
func WithCheckInterval(d time.Duration) Option {
	return duration("WithCheckInterval", d, func(c *config) { c.check, c.ofInstancer = d, "WithCheckInterval" })
}

// WithGrace sets for how long an Instancer goes on naming the nodes that it knew before etcd lost its data, if they have
// not registered again. Default a minute: several times what a lease lasts.
func WithGrace(d time.Duration) Option {
	return duration("WithGrace", d, func(c *config) { c.grace, c.ofInstancer = d, "WithGrace" })
}

// WithTTL sets how long a Registrar's lease lasts without it, in whole seconds: how long a node that
// crashed, or cannot reach etcd, is named. Default 10 s, at least 2 s. The lease is renewed three times in it.
func WithTTL(d time.Duration) Option {
	return func(c *config) {
		if d != 0 && d < minTTL {
			c.Reject("WithTTL(%v) is less than %v", d, minTTL)
			return
		}
		c.ttl, c.ofRegistrar = d, "WithTTL"
	}
}

// WithDrainDelay sets for how long Deregister waits after the key is gone, so that clients have heard of it when the
// server begins to drain; up to a quarter is taken off by chance. Default a second; a nanosecond is as good as none.
func WithDrainDelay(d time.Duration) Option {
	return duration("WithDrainDelay", d, func(c *config) { c.drain, c.ofRegistrar = d, "WithDrainDelay" })
}
