package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"
)

// Peer is what a Service knows of the client that made a call, and of its connection. What
// is in Metadata is only what the client says; what is here the Service has seen itself.
type Peer struct {
	// Local and Remote are the addresses of the connection's sides. Remote is where the
	// bytes come from: that of a proxy, if there is one, and of a datagram it may be forged.
	// Of a connection that a listener of somebody else's made they may be nil.
	Local, Remote net.Addr
	// TLS is what the handshake has agreed on; nil: the connection is not encrypted. It
	// must not be changed.
	TLS *tls.ConnectionState
	// Protocol is what the Service speaks. TLS.NegotiatedProtocol is what was agreed on.
	Protocol ServerProtocol
	// Since is when the connection was accepted, or the datagram read.
	Since time.Time
}

// PeerOf returns what is known of the client that made the call whose context ctx is; ok
// is false if that is no context of a call on a Service. In functions of ServiceConnContext
// it is there already.
func PeerOf(ctx context.Context) (p Peer, ok bool) {
	c, ok := ctx.Value(contextKeyConn).(*connContext)
	if !ok {
		return Peer{}, false
	}
	return Peer{Local: c.local, Remote: c.remote, TLS: c.tls, Protocol: c.protocol, Since: c.since}, true
}

// Age is how long the connection has been there.
func (p Peer) Age() time.Duration { return time.Since(p.Since) }

// Certificate returns the client's certificate if it was verified, else nil. It is
// verified only under a tls.Config that asks for that (see ServiceTLSConfig).
func (p Peer) Certificate() *x509.Certificate {
	if p.TLS == nil || len(p.TLS.VerifiedChains) == 0 {
		return nil
	}
	return p.TLS.VerifiedChains[0][0]
}

// Identity returns whom the client's verified certificate names: its first URI (as SPIFFE
// IDs are), else its first DNS name, else its subject's common name; empty without such a
// certificate. The authority that signed it vouches for the text, which may hold any
// character: compare it whole, and quote it where people read it.
func (p Peer) Identity() string {
	cert := p.Certificate()
	switch {
	case cert == nil:
		return ""
	case len(cert.URIs) > 0:
		return cert.URIs[0].String()
	case len(cert.DNSNames) > 0:
		return cert.DNSNames[0]
	}
	return cert.Subject.CommonName
}

// PeerCertificate is what Certificate of PeerOf(ctx) returns: the verified certificate of the client, or
// nil.
func PeerCertificate(ctx context.Context) *x509.Certificate {
	p, _ := PeerOf(ctx)
	return p.Certificate()
}
