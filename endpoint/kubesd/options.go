package kubesd

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/discovery"
)

// ErrInvalidOption is wrapped by what NewInstancer returns for what makes no sense.
var ErrInvalidOption = errors.New("kubesd: invalid option")

// Option is for NewInstancer.
type Option func(*config)

type config struct {
	discovery.Options
	server             string
	account            string // the folder of the service account
	namespace          string
	port, family, zone string
	timeout, grace     time.Duration
}

// serviceAccount is where a pod has token, namespace and authority.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

const (
	defaultTimeout = 10 * time.Second
	defaultGrace   = time.Minute
	minBackoff     = 200 * time.Millisecond
	maxBackoff     = 30 * time.Second
	minInterval    = 100 * time.Millisecond // from one list to the next
	settleTime     = 50 * time.Millisecond  // an endpoint that moves leaves one slice, then comes to another
	watchTime      = 4 * time.Minute        // of which up to a half is taken off by chance
	lookInterval   = 10 * time.Second       // how long a watch is not doubted, whoever asks
)

func (c config) with(opts []Option) (config, error) {
	c.Invalid = ErrInvalidOption
	discovery.Apply(&c, opts)
	c.timeout = cmp.Or(c.timeout, defaultTimeout)
	c.grace = cmp.Or(c.grace, defaultGrace)
	c.account = cmp.Or(c.account, serviceAccount)
	if c.server == "" {
		host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
		if host == "" || port == "" {
			c.Reject("WithServer: not given, and KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod")
		}
		c.server = "https://" + net.JoinHostPort(host, port)
	}
	if c.namespace == "" && c.Fault == nil {
		text, err := os.ReadFile(c.account + "/namespace")
		if err != nil {
			c.Reject("WithNamespace: not given, and not to be read: %v", err)
		}
		c.namespace = strings.TrimSpace(string(text))
	}
	return c, c.Fault
}

// WithLogger sets who hears of endpoints that are left out, and of data that are lost. Errors are told to whoever is registered, such as a Set,
// which logs them.
func WithLogger(l log.Logger) Option { return func(c *config) { c.Logger = l } }

// WithNamespace sets the service's namespace. Default the pod's own.
func WithNamespace(namespace string) Option { return func(c *config) { c.namespace = namespace } }

// WithPort sets which port of the endpoints is called, by its name in the Service. Without it there must be only one.
func WithPort(name string) Option { return func(c *config) { c.port = name } }

// WithZone says in which zone this process runs: of a service whose endpoints all have hints for zones, those for
// this zone are named alone, if there are any.
func WithZone(zone string) Option { return func(c *config) { c.zone = zone } }

// WithFamily sets which addresses are named: "IPv4", "IPv6" or "FQDN". Default: IPv4 if the service has any of it.
func WithFamily(family string) Option {
	return func(c *config) {
		if family != "IPv4" && family != "IPv6" && family != "FQDN" {
			c.Reject("WithFamily(%q) is none of IPv4, IPv6, FQDN", family)
		}
		c.family = family
	}
}

// WithServer sets the API server: https://host:port, or http:// for a proxy on this machine. Default what Kubernetes tells its pods.
func WithServer(address string) Option {
	return func(c *config) {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.User != nil {
			c.Reject("WithServer(%q) is no address", address)
		}
		c.server = strings.TrimSuffix(address, "/")
	}
}

// WithServiceAccount sets the folder that holds token, ca.crt and namespace. Default where Kubernetes mounts it.
func WithServiceAccount(folder string) Option { return func(c *config) { c.account = folder } }

// WithTimeout sets how long the API server has for a list, and for beginning a watch. Default 10 s.
func WithTimeout(d time.Duration) Option {
	return func(c *config) {
		if c.NotNegative("WithTimeout", d) {
			c.timeout = d
		}
	}
}

// WithGrace sets for how long nodes are named that were before the API server lost its data, and are not since. Default a
// minute.
func WithGrace(d time.Duration) Option {
	return func(c *config) {
		if c.NotNegative("WithGrace", d) {
			c.grace = d
		}
	}
}

// authority are the certificates by which the API server is known.
func (c *config) authority() (pem []byte, pool *x509.CertPool, err error) {
	if strings.HasPrefix(c.server, "http:") {
		return nil, nil, nil
	}
	if pem, err = os.ReadFile(c.account + "/ca.crt"); err != nil {
		return nil, nil, err
	}
	pool = x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, nil, fmt.Errorf("%s/ca.crt holds no certificate", c.account)
	}
	return pem, pool, nil
}
