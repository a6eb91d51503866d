package muxpool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// startTLS returns the TLS connection over nc, handshake done, or nc itself if
// the options ask for no TLS. There is no way from the first to the second. A panic of
// a function in the configuration is the connection's failure.
func (d *dialer) startTLS(ctx context.Context, nc net.Conn) (_ net.Conn, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = because(ErrInvalidOption, panicked("a function of the TLS configuration", p))
		}
	}()
	cfg, err := d.tlsConfig()
	if err != nil || cfg == nil {
		return nc, err
	}
	tc := tls.Client(wire.BeneathTLS(nc), cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		if end := ended(ctx); end != nil && wire.DeadlinePassed(err) {
			err = end // the connection's deadline is ctx's, and either is first
		}
		err = noTLS(tc, err)
		if !strings.HasPrefix(err.Error(), "tls: ") { // as most do
			err = fmt.Errorf("tls: %w", err)
		}
		return nc, err
	}
	return tc, nil
}

// tlsConfig returns the configuration for one dial, or nil for plaintext.
func (d *dialer) tlsConfig() (*tls.Config, error) {
	cfg := d.key.tlsConfig
	switch {
	case cfg != nil:
		cfg = cfg.Clone()
	case d.key.tls == (tlsFiles{}):
		return nil, nil
	default:
		var err error
		if cfg, err = d.key.tls.load(); err != nil {
			return nil, err
		}
	}
	cfg.DynamicRecordSizingDisabled = true // a frame is of use when its last byte is there
	if cfg.ServerName == "" {
		cfg.ServerName = serverName(d.key.node)
	}
	if p, ok := d.key.parser.(NextProtocol); ok && len(cfg.NextProtos) == 0 {
		cfg.NextProtos = []string{p.NextProtocol()}
	}
	return cfg, nil
}

// serverName is the host of the node's address, without its port.
func serverName(n Node) string {
	if host, _, err := net.SplitHostPort(n.Address); err == nil {
		return host
	}
	return n.Address
}

// load reads the files that WithDialTLS names.
func (f tlsFiles) load() (*tls.Config, error) {
	cfg := &tls.Config{ServerName: f.serverName, MinVersion: tls.VersionTLS12}
	if f.cert != "" {
		cert, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, fmt.Errorf("tls: certificate %q, key %q: %w", f.cert, f.key, text.Instead(err, strings.TrimPrefix(err.Error(), "tls: ")))
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	switch f.ca {
	case "", "root": // nil RootCAs: those of the system
	case "none":
		cfg.InsecureSkipVerify = true
	default:
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, fmt.Errorf("tls: CA file %q: %w", f.ca, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls: CA file %q holds no certificate in PEM", f.ca)
		}
	}
	return cfg, nil
}
