package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
)

// NextProtocol is an optional part of a Protocol that has a name for TLS's ALPN. A Service
// with TLS agrees on it with clients that offer names, and refuses those that offer only
// others: they speak something else. Clients that offer none are served. Where a tls.Config
// has NextProtos of its own, those hold.
type NextProtocol = muxpool.NextProtocol

// ServiceTLSConfig serves TLS, which cfg must have a certificate for. For mTLS set
// its ClientCAs and ClientAuth: tls.RequireAndVerifyClientCert; the client's
// identity is then in the context (PeerOf). A nil cfg, and one that verifies clients
// without ClientCAs, for whom any authority that the system trusts could vouch, is an
// error, and so is ServiceTLSFiles beside it; where cfg's GetConfigForClient returns such a
// one, that handshake fails. cfg is copied. Datagrams are not encrypted: ServePacket
// refuses. Default: plaintext.
//
// For certificates in files that are renewed there is ServiceTLSFiles; from elsewhere,
// cfg's GetCertificate and GetConfigForClient are asked at each handshake.
func ServiceTLSConfig(cfg *tls.Config) ServiceOption {
	return func(o *serviceOptions) {
		switch {
		case cfg == nil:
			o.invalid = append(o.invalid, fmt.Errorf("%w: ServiceTLSConfig(nil): leave it out for plaintext", ErrInvalidOption))
			return
		case len(cfg.Certificates) == 0 && cfg.GetCertificate == nil && cfg.GetConfigForClient == nil:
			o.invalid = append(o.invalid, fmt.Errorf("%w: ServiceTLSConfig: no certificate", ErrInvalidOption))
		case cfg.GetConfigForClient == nil:
			if err := checkClientAuth(cfg); err != nil {
				o.invalid = append(o.invalid, err)
			}
		}
		if o.tlsFiles != nil {
			o.invalid = append(o.invalid, errTwoTLS)
		}
		o.tls, o.tlsFiles = cfg, nil
	}
}

// errTwoTLS: the one might verify clients, and the other not.
var errTwoTLS = fmt.Errorf("%w: ServiceTLSConfig and ServiceTLSFiles exclude each other", ErrInvalidOption)

// checkClientAuth tells why cfg cannot verify the clients that it is to verify, or nil.
func checkClientAuth(cfg *tls.Config) error {
	switch {
	case cfg.ClientAuth < tls.VerifyClientCertIfGiven:
		return nil
	case cfg.ClientCAs == nil:
		return fmt.Errorf("%w: ServiceTLSConfig: ClientAuth is %v without ClientCAs: any authority that the system trusts could vouch for clients",
			ErrInvalidOption, cfg.ClientAuth)
	case cfg.ClientCAs.Equal(x509.NewCertPool()):
		return fmt.Errorf("%w: ServiceTLSConfig: ClientAuth is %v and ClientCAs is empty: every client would be refused",
			ErrInvalidOption, cfg.ClientAuth)
	}
	return nil
}

// settleTLS makes the configuration with which the Service does its handshakes.
func (s *Service) settleTLS() {
	own := s.tls
	if own == nil {
		return
	}
	if f := s.tlsFiles; f != nil {
		f.report = func(err error) {
			s.reports.report(context.Background(), fmt.Errorf("transport: ServiceTLSFiles: what was read last holds on: %w", err))
		}
	}
	cfg := own.Clone()
	name := ""
	if p, ok := s.protocol.(NextProtocol); ok {
		name = p.NextProtocol()
	}
	prepare(cfg, name)
	if choose := cfg.GetConfigForClient; choose != nil {
		cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if err != nil {
				return nil, err
			}
			if chosen == nil {
				return nil, checkClientAuth(own)
			}
			chosen = chosen.Clone()
			prepare(chosen, name)
			return chosen, checkClientAuth(chosen)
		}
	}
	s.tls = cfg
}

// prepare adds a protocol's name to a configuration that has none, and makes records as
// large as they may be: a frame is of use when its last byte is there.
func prepare(cfg *tls.Config, name string) {
	cfg.DynamicRecordSizingDisabled = true
	if name != "" && len(cfg.NextProtos) == 0 {
		cfg.NextProtos = []string{name}
	}
}
