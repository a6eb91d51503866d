package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
)

// connContext is the lowest context of a connection's calls.
type connContext struct {
	context.Context
	local, remote net.Addr
	tls           *tls.ConnectionState
}

func (c *connContext) Value(key any) any {
	switch key {
	case ContextKeyLocalAddr:
		return c.local
	case ContextKeyRemoteAddr:
		return c.remote
	case ContextKeyTLS:
		if c.tls != nil {
			return c.tls
		}
	}
	return c.Context.Value(key)
}

// PeerCertificate returns the verified certificate of the client that made the
// call whose context ctx is, or nil if it did not show one. It is verified only
// under a tls.Config that asks for that (see ServiceTLSConfig).
func PeerCertificate(ctx context.Context) *x509.Certificate {
	state, _ := ctx.Value(ContextKeyTLS).(*tls.ConnectionState)
	if state == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	return state.VerifiedChains[0][0]
}
