package dnssd

import (
	"cmp"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/discovery"
)

// ErrInvalidOption is wrapped by what NewSRV and NewAddresses return for what makes no sense.
var ErrInvalidOption = errors.New("dnssd: invalid option")

// Option is for NewSRV and NewAddresses.
type Option func(*config)

type config struct {
	discovery.Options
	servers     []string // empty: those of resolvConf
	timeout     time.Duration
	least, most time.Duration
}

const (
	resolvConf     = "/etc/resolv.conf"
	defaultTimeout = 2 * time.Second
	defaultLeast   = time.Second
	defaultMost    = 5 * time.Minute
	maxBackoff     = 30 * time.Second
)

func (c config) with(opts []Option) (config, error) {
	c.Invalid = ErrInvalidOption
	discovery.Apply(&c, opts)
	c.timeout = cmp.Or(c.timeout, defaultTimeout)
	c.least = cmp.Or(c.least, defaultLeast)
	c.most = cmp.Or(c.most, max(defaultMost, c.least))
	c.Ordered("WithInterval", c.least, c.most)
	return c, c.Fault
}

// WithLogger sets who hears of records that are left out. Errors are told to whoever is registered, such as a Set, which
// logs them.
func WithLogger(l log.Logger) Option { return func(c *config) { c.Logger = l } }

// WithServers sets the resolvers, as host:port with an IP address. Default: those of /etc/resolv.conf, which is read at
// each look.
func WithServers(servers ...string) Option {
	return func(c *config) {
		for _, s := range servers {
			host, port, err := net.SplitHostPort(s)
			if n, bad := strconv.ParseUint(port, 10, 16); err != nil || net.ParseIP(host) == nil || bad != nil || n == 0 {
				c.Reject("WithServers(%q): it is no IP address with a port", s)
			}
		}
		c.servers = servers
	}
}

// WithTimeout sets how long one server has for one answer. Default 2 s.
func WithTimeout(d time.Duration) Option {
	return func(c *config) {
		if c.NotNegative("WithTimeout", d) {
			c.timeout = d
		}
	}
}

// WithInterval bounds the time from one look to the next, whatever records say of their time to live, which is what it is otherwise,
// and up to a tenth more by chance. Also when a Set asks for a look, there is none before the first is over. Defaults
// a second and 5 minutes.
func WithInterval(least, most time.Duration) Option {
	return func(c *config) {
		if c.NotNegative("WithInterval", least, most) {
			c.least, c.most = least, most
		}
	}
}
