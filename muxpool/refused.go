package muxpool

import (
	"crypto/tls"
	"errors"
	"net"
)

// certificateAlerts are those with which a peer refuses this side's certificate, or that there is none.
var certificateAlerts = func() map[string]bool {
	texts := make(map[string]bool)
	for _, alert := range [...]tls.AlertError{
		42,  // bad_certificate
		43,  // unsupported_certificate
		44,  // certificate_revoked
		45,  // certificate_expired
		46,  // certificate_unknown
		48,  // unknown_ca
		49,  // access_denied
		116, // certificate_required
	} {
		texts[alert.Error()] = true
	}
	return texts
}()

// refusedUs reports whether err, of reading, says that the peer has refused the handshake. That of TLS 1.3
// is over for a client before its certificate is looked at, and requests are under way then; but the server
// has read none before its side is over, too, which such an alert as its first word proves (RFC 8446, 4.4.2).
// Package tls has a type for alerts that it does not give to those who use no QUIC: their texts are the same.
func (c *conn) refusedUs(err error) bool {
	tc, secure := c.nc.(*tls.Conn)
	var alert *net.OpError
	return secure && tc.ConnectionState().Version == tls.VersionTLS13 && c.doubt() != "" &&
		errors.As(err, &alert) && alert.Op == "remote error" && certificateAlerts[alert.Err.Error()]
}
