package transport

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// connContext is the lowest context of a connection's calls.
type connContext struct {
	context.Context
	local, remote net.Addr
	tls           *tls.ConnectionState
	protocol      ServerProtocol
	since         time.Time
	datagram      bool // it came in one, so that remote may be forged
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
	case contextKeyConn:
		return c
	}
	return c.Context.Value(key)
}
