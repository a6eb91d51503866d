package muxpool

import (
	"crypto/tls"
	"fmt"
	"reflect"
	"time"
)

// GetOptions says how a Get wants its connection.
type GetOptions struct {
	identity Identity
	timeout  time.Duration
	deadline time.Time
	vid      uint32
	hasVID   bool
	oneWay   bool
	stream   bool
	bulk     bool
}

// tlsFiles are the arguments of WithDialTLS.
type tlsFiles struct {
	cert, key, ca, serverName string
}

// NewGetOptions returns options without a parser, for plaintext.
func NewGetOptions() GetOptions { return GetOptions{} }

// WithFrameParser sets the parser, which is required and compared with ==.
func (o *GetOptions) WithFrameParser(fp FrameParser) { o.identity.parser = fp }

// WithVID sets the id, which the pool chooses otherwise. Read and Write fail with
// ErrDupRequestID if every connection uses it.
func (o *GetOptions) WithVID(vid uint32) { o.vid, o.hasVID = vid, true }

// WithLocalAddr sets the address to connect from, as "127.0.0.1:0". It excludes
// WithDialContext.
func (o *GetOptions) WithLocalAddr(addr string) { o.identity.local = addr }

// WithDialTLS asks for TLS, unless all are empty. certFile and keyFile are the client's
// (PEM, both or neither); caFile the CAs to trust, "root" or empty for the system's, "none"
// for no verification: for tests only. serverName is by default the address's host. Files
// are read at each dial.
func (o *GetOptions) WithDialTLS(certFile, keyFile, caFile, serverName string) {
	o.identity.tls = tlsFiles{certFile, keyFile, caFile, serverName}
}

// WithTLSConfig asks for TLS with cfg, which must not change, and is compared by pointer. Its
// ServerName is by default the address's host. Nil is an error of the Get.
func (o *GetOptions) WithTLSConfig(cfg *tls.Config) {
	o.identity.tlsConfig, o.identity.noTLS = cfg, cfg == nil
}

// WithTimeout ends the MuxConn after d, from the Get on, with context.DeadlineExceeded. Of
// this, WithDeadline and the context's own, the earliest counts; these cost no timer, nor
// do contexts of package deadline. Zero means none.
func (o *GetOptions) WithTimeout(d time.Duration) { o.timeout = d }

// WithDeadline is WithTimeout as a point in time.
func (o *GetOptions) WithDeadline(t time.Time) { o.deadline = t }

// WithOneWay says that no answer will come: Write returns when the kernel has the frame,
// and Close frees the id.
func (o *GetOptions) WithOneWay() { o.oneWay = true }

// WithStream says that all frames written ask for one answer, which one FrameLast
// ends. Otherwise each asks for one.
func (o *GetOptions) WithStream() { o.stream = true }

// WithBulk puts a call that moves much on the node's bulk connection, so that others do not
// queue behind it: one beyond WithConnectNumber, dialed on demand. Without it the others
// serve: with WithVID, on datagrams, with a SessionHandshaker, if the peer refuses.
func (o *GetOptions) WithBulk(bulk bool) { o.bulk = bulk }

// Identity is what Gets of a node share that share connections: the parser, the local
// address and TLS. It is comparable; the zero Identity is nobody's.
type Identity struct {
	parser    FrameParser
	local     string
	tls       tlsFiles
	tlsConfig *tls.Config
	noTLS     bool // WithTLSConfig(nil): a Get refuses it
}

// Identity returns that of its Gets.
func (o *GetOptions) Identity() Identity { return o.identity }

// GetOptions returns options for it alone.
func (i Identity) GetOptions() GetOptions { return GetOptions{identity: i} }

func (i *Identity) wantsTLS() bool { return i.tlsConfig != nil || i.tls != (tlsFiles{}) }

// String tells it to people: different identities may have the same.
func (i Identity) String() string {
	s := fmt.Sprintf("%T", i.parser)
	if i.local != "" {
		s += " from " + i.local
	}
	switch {
	case i.tls != (tlsFiles{}):
		s += fmt.Sprintf(", TLS with certificate %q, CA %q, name %q", i.tls.cert, i.tls.ca, i.tls.serverName)
	case i.tlsConfig != nil:
		s += fmt.Sprintf(", TLS as configured at %p, name %q", i.tlsConfig, i.tlsConfig.ServerName)
	}
	return s
}

// nodeKey is what makes a node of the pool's one node.
type nodeKey struct {
	node Node
	Identity
}

// key returns the identity of the node that the options ask for. It refuses what no
// identity tells: the rest checkDial does, for a node that is new. It allocates nothing.
func (o *GetOptions) key(node Node) (nodeKey, error) {
	switch err := checkParser(o.identity.parser); {
	case err != nil:
		return nodeKey{}, err
	case o.identity.noTLS:
		return nodeKey{}, fmt.Errorf("%w: WithTLSConfig(nil)", ErrInvalidOption)
	case !isStream(node.Network) && !isDatagram(node.Network):
		return nodeKey{}, fmt.Errorf("%w: %q", ErrNetworkNotSupport, node.Network)
	case node.Address == "":
		return nodeKey{}, fmt.Errorf("%w: the address is empty", ErrInvalidOption)
	case o.timeout < 0:
		return nodeKey{}, fmt.Errorf("%w: WithTimeout(%v) is negative", ErrInvalidOption, o.timeout)
	}
	return nodeKey{node, o.identity}, nil
}

// fits reports whether the options, checked or not, ask for the node with identity k.
// Two parsers that cannot be compared would panic: k's can.
func (k *nodeKey) fits(name *Node, o *GetOptions) bool {
	return k.node == *name && k.Identity == o.identity && o.timeout >= 0
}

// begin makes the timeout, which begins with the Get, a deadline.
func (o *GetOptions) begin() {
	if o.timeout > 0 {
		if t := time.Now().Add(o.timeout); o.deadline.IsZero() || t.Before(o.deadline) {
			o.deadline = t
		}
	}
}

// checkDial checks what only a dial uses.
func (i *Identity) checkDial(network string) error {
	switch {
	case i.tlsConfig != nil && i.tls != (tlsFiles{}):
		return fmt.Errorf("%w: WithTLSConfig and WithDialTLS exclude each other", ErrInvalidOption)
	case i.wantsTLS() && isDatagram(network):
		return fmt.Errorf("%w: TLS over %s", ErrInvalidOption, network)
	case (i.tls.cert == "") != (i.tls.key == ""):
		return fmt.Errorf("%w: WithDialTLS(%q, %q): a certificate needs its key and a key its certificate",
			ErrInvalidOption, i.tls.cert, i.tls.key)
	}
	if i.local == "" {
		return nil
	}
	if _, err := resolveLocal(network, i.local); err != nil {
		return fmt.Errorf("%w: WithLocalAddr(%q): %w", ErrInvalidOption, i.local, err)
	}
	return nil
}

// checkParser tells why fp cannot be part of a node's identity, or nil.
func checkParser(fp FrameParser) error {
	v := reflect.ValueOf(fp)
	switch {
	case fp == nil, v.Kind() == reflect.Pointer && v.IsNil():
		return ErrFrameParserNil
	case !equalsItself(fp):
		return fmt.Errorf("%w: WithFrameParser(%T): values of this type cannot be compared; pass a pointer",
			ErrInvalidOption, fp)
	}
	return nil
}

// equalsItself reports whether fp may be the key of a map. reflect.Value.Comparable
// says so too, and allocates.
func equalsItself(fp FrameParser) (is bool) {
	defer func() {
		if recover() != nil {
			is = false
		}
	}()
	same := fp
	return fp == same
}

func isStream(network string) bool {
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
		return true
	}
	return false
}

func isDatagram(network string) bool {
	switch network {
	case "udp", "udp4", "udp6":
		return true
	}
	return false
}
