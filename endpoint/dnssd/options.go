package dnssd

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/go-kit/log"
)

// ErrInvalidOption is wrapped by what NewSRV and NewAddresses return for what makes no sense.
var ErrInvalidOption = errors.New("dnssd: invalid option")

// Option is for NewSRV and NewAddresses.
type Option func(*config)

type config struct {
	logger      log.Logger
	servers     []string // empty: those of resolvConf
	timeout     time.Duration
	least, most time.Duration
	fault       error
}

const (
	resolvConf     = "/etc/resolv.conf"
	defaultTimeout = 2 * time.Second
	defaultLeast   = time.Second
	defaultMost    = 5 * time.Minute
	maxBackoff     = 30 * time.Second
)

func (c config) with(opts []Option) (config, error) {
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if c.timeout == 0 {
		c.timeout = defaultTimeout
	}
	if c.least == 0 {
		c.least = defaultLeast
	}
	if c.most == 0 {
		c.most = max(defaultMost, c.least)
	}
	if c.most < c.least {
		c.refuse("WithInterval(%v, %v): the first is larger", c.least, c.most)
	}
	return c, c.fault
}

func (c *config) refuse(format string, args ...any) {
	if c.fault == nil {
		c.fault = fmt.Errorf("%w: "+format, append([]any{ErrInvalidOption}, args...)...)
	}
}

// WithLogger sets who hears of records that are left out. Errors are told to whoever is registered, such as a Set, which
// logs them.
func WithLogger(l log.Logger) Option { return func(c *config) { c.logger = l } }

// WithServers sets the resolvers, as host:port with an IP address. Default: those of /etc/resolv.conf, which is read at
// each look.
func WithServers(servers ...string) Option {
	return func(c *config) {
		for _, s := range servers {
			host, port, err := net.SplitHostPort(s)
			if n, bad := strconv.ParseUint(port, 10, 16); err != nil || net.ParseIP(host) == nil || bad != nil || n == 0 {
				c.refuse("WithServers(%q): it is no IP address with a port", s)
			}
		}
		c.servers = servers
	}
}

// WithTimeout sets how long one server has for one answer. Default 2 s.
func WithTimeout(d time.Duration) Option {
	return func(c *config) {
		if d < 0 {
			c.refuse("WithTimeout(%v) is negative", d)
		}
		c.timeout = d
	}
}

// WithInterval bounds the time from one look to the next, whatever records say of their time to live, which is what it is otherwise,
// and up to a tenth more by chance. Also when a Set asks for a look, there is none before the first is over. Defaults
// a second and 5 minutes.
func WithInterval(least, most time.Duration) Option {
	return func(c *config) {
		if least < 0 || most < 0 {
			c.refuse("WithInterval(%v, %v): one is negative", least, most)
		}
		c.least, c.most = least, most
	}
}
