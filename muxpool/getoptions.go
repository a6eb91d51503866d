package muxpool

import (
	"crypto/tls"
	"fmt"
	"reflect"
	"time"
)

// GetOptions says how a Get wants its connection. Make one with NewGetOptions;
// it may be copied, and used for many Gets.
//
// The parser, the TLS settings and the local address are part of a node's
// identity: Gets that differ in one of them never share a connection. Parsers
// are compared with ==, TLS configurations by pointer.
type GetOptions struct {
	parser    FrameParser
	local     string
	tls       tlsFiles
	tlsConfig *tls.Config
	timeout   time.Duration
	deadline  time.Time
	vid       uint32
	hasVID    bool
	oneWay    bool
	stream    bool
	noTLS     bool // WithTLSConfig(nil): a Get refuses it
}

// tlsFiles are the arguments of WithDialTLS.
type tlsFiles struct {
	cert, key, ca, serverName string
}

// NewGetOptions returns GetOptions without a parser, plaintext, with an id that
// the pool allocates.
func NewGetOptions() GetOptions { return GetOptions{} }

// WithFrameParser sets the parser. It is required.
func (o *GetOptions) WithFrameParser(fp FrameParser) { o.parser = fp }

// WithVID sets the id. Without it the pool allocates one, and MuxConn.VID tells
// it. If the id is in use on every connection of the node, the MuxConn's Write
// and Read fail with ErrDupRequestID.
func (o *GetOptions) WithVID(vid uint32) { o.vid, o.hasVID = vid, true }

// WithLocalAddr sets the address to connect from, as "127.0.0.1:0".
func (o *GetOptions) WithLocalAddr(addr string) { o.local = addr }

// WithDialTLS asks for TLS. certFile and keyFile are the client's certificate
// and key in PEM, both or neither. caFile is a PEM file of the CAs to trust,
// "root" or empty for the system's, or "none" for no verification at all, which
// lets anyone in between read and change everything: never outside of a test.
// serverName is the name that the server's certificate must bear, by default the
// host of the address. The files are read at each dial, so a certificate
// that is renewed on disk is picked up by the next connection.
//
// If all four are empty this does nothing.
func (o *GetOptions) WithDialTLS(certFile, keyFile, caFile, serverName string) {
	o.tls = tlsFiles{certFile, keyFile, caFile, serverName}
}

// WithTLSConfig asks for TLS with cfg, which must not be changed afterwards.
// Without a ServerName, the host of the address is used. It excludes WithDialTLS.
// A nil cfg is an error from the Get, not plaintext.
func (o *GetOptions) WithTLSConfig(cfg *tls.Config) {
	o.tlsConfig, o.noTLS = cfg, cfg == nil
}

// WithTimeout ends the MuxConn's Read and Write with context.DeadlineExceeded
// after d, counted from the Get, if the context does not end before: a deadline
// that costs no context.WithTimeout. Zero means none.
func (o *GetOptions) WithTimeout(d time.Duration) { o.timeout = d }

// WithDeadline is WithTimeout with the time when the MuxConn ends, for who knows it
// already and spares the pool a look at the clock. The zero time, the default, means
// none; of both, the earlier counts.
func (o *GetOptions) WithDeadline(t time.Time) { o.deadline = t }

// WithOneWay says that no answer will come: Write returns when the frame was
// handed to the kernel, or says that it was not, and Close frees the id at once.
func (o *GetOptions) WithOneWay() { o.oneWay = true }

// WithStream says that all frames that are written ask for one answer, which ends with
// one FrameLast. Otherwise each asks for one of its own, and the id is kept until all
// have come.
func (o *GetOptions) WithStream() { o.stream = true }

// Identity is what, beside the node, two Gets must have in common to share
// connections: the parser, the local address and the TLS settings, which hold a
// client's certificate. It is comparable. The zero Identity is nobody's.
type Identity struct {
	parser    FrameParser
	local     string
	tls       tlsFiles
	tlsConfig *tls.Config
}

// Identity returns that of Gets with these options. Events name it.
func (o *GetOptions) Identity() Identity { return Identity{o.parser, o.local, o.tls, o.tlsConfig} }

// String tells the identity to people: the parser's type, then what is set of the local
// address and of TLS. Different identities may have the same.
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
	switch err := checkParser(o.parser); {
	case err != nil:
		return nodeKey{}, err
	case o.noTLS:
		return nodeKey{}, fmt.Errorf("%w: WithTLSConfig(nil)", ErrInvalidOption)
	case !isStream(node.Network) && !isDatagram(node.Network):
		return nodeKey{}, fmt.Errorf("%w: %q", ErrNetworkNotSupport, node.Network)
	case node.Address == "":
		return nodeKey{}, fmt.Errorf("%w: the address is empty", ErrInvalidOption)
	case o.timeout < 0:
		return nodeKey{}, fmt.Errorf("%w: WithTimeout(%v) is negative", ErrInvalidOption, o.timeout)
	}
	return nodeKey{node, o.Identity()}, nil
}

// fits reports whether the options, checked or not, ask for the node with identity k.
// Two parsers that cannot be compared would panic: k's can.
func (k *nodeKey) fits(name *Node, o *GetOptions) bool {
	return k.node == *name && k.parser == o.parser && k.local == o.local && k.tlsConfig == o.tlsConfig &&
		k.tls == o.tls && o.timeout >= 0 && !o.noTLS
}

func (o *GetOptions) wantsTLS() bool { return o.tlsConfig != nil || o.tls != (tlsFiles{}) }

// checkDial checks the options that only a dial uses.
func (o *GetOptions) checkDial(network string) error {
	switch {
	case o.tlsConfig != nil && o.tls != (tlsFiles{}):
		return fmt.Errorf("%w: WithTLSConfig and WithDialTLS exclude each other", ErrInvalidOption)
	case o.wantsTLS() && isDatagram(network):
		return fmt.Errorf("%w: TLS over %s", ErrInvalidOption, network)
	case (o.tls.cert == "") != (o.tls.key == ""):
		return fmt.Errorf("%w: WithDialTLS(%q, %q): a certificate needs its key and a key its certificate",
			ErrInvalidOption, o.tls.cert, o.tls.key)
	}
	if o.local == "" {
		return nil
	}
	if _, err := resolveLocal(network, o.local); err != nil {
		return fmt.Errorf("%w: WithLocalAddr(%q): %w", ErrInvalidOption, o.local, err)
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
