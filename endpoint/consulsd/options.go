package consulsd

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/discovery"
)

// ErrInvalidOption is wrapped by what NewInstancer and NewRegistrar return for what makes no sense.
var ErrInvalidOption = errors.New("consulsd: invalid option")

// Option is for NewInstancer, NewRegistrar, or both; one that is given to the other is an error.
type Option func(*config)

type config struct {
	discovery.Options
	address                  string
	token                    func() (string, error) // nil: none
	client                   *http.Client
	own                      bool               // it was made here
	tokenCode, clientCode    *discovery.Outside // by which those two are run
	tags                     []string
	datacenter, id           string
	warning                  bool
	timeout                  time.Duration
	minBackoff, maxBackoff   time.Duration
	wait, grace              time.Duration
	ttl, reap, drain         time.Duration
	ofInstancer, ofRegistrar string // an option that is for one of them only
}

// Bounds, and defaults of options.
const (
	defaultAddress    = "127.0.0.1:8500"
	defaultTimeout    = 5 * time.Second
	defaultMinBackoff = 100 * time.Millisecond
	defaultMaxBackoff = 10 * time.Second
	defaultWait       = 30 * time.Second
	defaultGrace      = time.Minute
	defaultTTL        = 10 * time.Second
	defaultReap       = time.Minute
	defaultDrain      = time.Second
	minTTL            = time.Second
	maxWait           = 10 * time.Minute       // Consul's
	minInterval       = 100 * time.Millisecond // from one query to the next, and from one list to the next
)

func (c config) with(opts []Option) (config, error) {
	c.Invalid = ErrInvalidOption
	c.tokenCode, c.clientCode = &discovery.Outside{Name: "WithToken's function"}, &discovery.Outside{Name: "WithHTTPClient's client"}
	discovery.Apply(&c, opts)
	c.timeout = cmp.Or(c.timeout, defaultTimeout)
	c.minBackoff = cmp.Or(c.minBackoff, defaultMinBackoff)
	c.maxBackoff = cmp.Or(c.maxBackoff, max(defaultMaxBackoff, c.minBackoff))
	c.wait = cmp.Or(c.wait, defaultWait)
	c.grace = cmp.Or(c.grace, defaultGrace)
	c.ttl = cmp.Or(c.ttl, defaultTTL)
	c.reap = cmp.Or(c.reap, defaultReap)
	c.drain = cmp.Or(c.drain, defaultDrain)
	c.Ordered("WithBackoff", c.minBackoff, c.maxBackoff)
	if c.wait < time.Second || c.wait > maxWait {
		c.Reject("WithWait(%v) is not from 1s to %v", c.wait, maxWait)
	}
	if c.token == nil {
		c.token = tokenOfEnvironment
	}
	if c.client == nil {
		c.client, c.own = newClient(c.timeout), true
	}
	c.locate()
	return c, c.Fault
}

// locate finds the agent.
func (c *config) locate() {
	name := "WithAddress"
	if c.address == "" {
		name, c.address = "CONSUL_HTTP_ADDR", os.Getenv("CONSUL_HTTP_ADDR")
	}
	if c.address == "" {
		c.address = defaultAddress
	}
	given := c.address
	if !strings.Contains(c.address, "://") {
		c.address = "http://" + c.address
	}
	u, err := url.Parse(c.address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		c.Reject("%s %q: it is neither host:port nor http:// or https:// with them; for a socket of Unix give WithHTTPClient one that dials it", name, given)
	}
	c.address = strings.TrimSuffix(c.address, "/")
}

func tokenOfEnvironment() (string, error) {
	if file := os.Getenv("CONSUL_HTTP_TOKEN_FILE"); file != "" {
		return tokenOf(file)
	}
	return os.Getenv("CONSUL_HTTP_TOKEN"), nil
}

// tokenOf reads a token from its file. An empty one would ask as nobody, whom Consul may answer with an empty list.
func tokenOf(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("the token: %s is empty", file)
	}
	return token, nil
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

// WithLogger sets who hears of entries that are left out, of data that Consul has lost, and of a Registrar's
// registrations and losses. Errors of an Instancer are told to whoever is registered with it, such as a Set, which logs them.
func WithLogger(l log.Logger) Option { return func(c *config) { c.Logger = l } }

// WithAddress sets where the agent is: host:port, or http:// or https:// with them. Default CONSUL_HTTP_ADDR, or
// 127.0.0.1:8500. A Registrar's should be the agent of its own machine: what it registers is that agent's.
func WithAddress(address string) Option { return func(c *config) { c.address = address } }

// WithToken sets where each request gets its ACL token; an empty one is none, and an error is as good as the agent's, as is
// that the function panics or has not returned when the request's time is over (WithTimeout). Default CONSUL_HTTP_TOKEN_FILE, or
// CONSUL_HTTP_TOKEN.
func WithToken(token func() (string, error)) Option { return func(c *config) { c.token = token } }

// WithTokenFile has each request read its ACL token from a file, which may be replaced.
func WithTokenFile(file string) Option {
	return WithToken(func() (string, error) { return tokenOf(file) })
}

// WithHTTPClient sets the client that asks, for TLS with certificates of one's own, or a socket of Unix. It must have no Timeout of its
// own, which would cut blocking queries. It stays its owner's. Redirects are not followed, since the token is for the agent alone, unless its
// CheckRedirect says otherwise. Default one for each Instancer and Registrar, which goes through no proxy.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) {
		if client == nil || client.Timeout != 0 {
			c.Reject("WithHTTPClient: nil, or with a Timeout, which would cut blocking queries")
			return
		}
		own := *client
		if own.CheckRedirect == nil {
			own.CheckRedirect = noRedirect
		}
		c.client = &own
	}
}

// WithTimeout sets how long the agent has for an answer, beside WithWait. Default 5 s.
func WithTimeout(d time.Duration) Option {
	return duration("WithTimeout", d, func(c *config) { c.timeout = d })
}

// WithBackoff sets the pauses after failures: from the first, doubling up to the second; up to half of each is taken off by
// chance. Defaults 100 ms and 10 s; a Registrar pauses no longer than a third of WithTTL.
func WithBackoff(least, most time.Duration) Option {
	return func(c *config) {
		if c.NotNegative("WithBackoff", least, most) {
			c.minBackoff, c.maxBackoff = least, most
		}
	}
}

// WithTags has an Instancer name only nodes that have all of these tags, and a Registrar register with them.
func WithTags(tags ...string) Option {
	return func(c *config) {
		if slices.Contains(tags, "") {
			c.Reject("WithTags(%q): one is empty", tags)
		}
		c.tags = slices.Clone(tags)
	}
}

// WithDatacenter has an Instancer follow the service in another datacenter than the agent's.
func WithDatacenter(name string) Option {
	return func(c *config) { c.datacenter, c.ofInstancer = name, "WithDatacenter" }
}

// WithWarning has an Instancer name nodes, too, that have a check which warns, with their weight while warning (Weights.Warning; 0: not) and
// the label "health": "warning".
func WithWarning() Option {
	return func(c *config) { c.warning, c.ofInstancer = true, "WithWarning" }
}

// WithWait sets how long the agent lets a query of an Instancer's wait for a change; up to half is taken off by chance, and
// Consul adds up to a sixteenth. An agent that is silent is found out that long, and WithTimeout, later. Default 30 s, from a second to
// ten minutes.
func WithWait(d time.Duration) Option {
	return duration("WithWait", d, func(c *config) { c.wait, c.ofInstancer = d, "WithWait" })
}

// WithGrace sets for how long an Instancer goes on naming the nodes that it knew before Consul lost its data, if they have
// not registered again. Default a minute: several times what a Registrar's check lasts.
func WithGrace(d time.Duration) Option {
	return duration("WithGrace", d, func(c *config) { c.grace, c.ofInstancer = d, "WithGrace" })
}

// WithID sets a Registrar's id of the service, which is another one for each node of the agent's. Default the service's
// name, a hyphen, and the node's address.
func WithID(id string) Option { return func(c *config) { c.id, c.ofRegistrar = id, "WithID" } }

// WithTTL sets when a Registrar's check is critical: how long a node that crashed, or cannot reach its agent, is named. Default
// 10 s, at least a second. The check is renewed three times in it.
func WithTTL(d time.Duration) Option {
	return func(c *config) {
		if d != 0 && d < minTTL {
			c.Reject("WithTTL(%v) is less than %v", d, minTTL)
			return
		}
		c.ttl, c.ofRegistrar = d, "WithTTL"
	}
}

// WithDeregisterAfter sets for how long the check may be critical before Consul forgets the node. Default a minute, which is Consul's
// least.
func WithDeregisterAfter(d time.Duration) Option {
	return duration("WithDeregisterAfter", d, func(c *config) { c.reap, c.ofRegistrar = d, "WithDeregisterAfter" })
}

// WithDrainDelay sets for how long Deregister waits after the node was taken off, so that clients have heard of it when the
// server begins to drain; up to a quarter is taken off by chance. Default a second; a nanosecond is as good as none.
func WithDrainDelay(d time.Duration) Option {
	return duration("WithDrainDelay", d, func(c *config) { c.drain, c.ofRegistrar = d, "WithDrainDelay" })
}
