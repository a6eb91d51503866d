package troubletest

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/resp"
)

var secured = []trouble{
	{
		what:  "a client without TLS, a Service with it",
		make:  func(t *testing.T) error { return call(inTime(t), pool(t), secureService(t, authority(t)), "Echo", 1) },
		means: "the server has told the client in TLS that it understands nothing else",
		do:    "`WithDialTLS` or `WithTLSConfig` in `ClientGetOptions`",
	}, {
		what: "a client without TLS, another server with it",
		make: func(t *testing.T) error {
			a := authority(t)
			node := peer(t, func(nc net.Conn) {
				_ = tls.Server(nc, &tls.Config{Certificates: []tls.Certificate{certificate(t, a)}}).HandshakeContext(t.Context())
			})
			return call(inTime(t), pool(t), node, "Echo", 1)
		},
		means: "the server has hung up without a word, as many TLS servers do",
		do:    "the same",
	}, {
		what: "a client with TLS, a Service without it",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t), service(t, native.Protocol{}, nil), "Echo", 1, withTLS(trusting(authority(t))))
		},
		means: "the server has hung up on the greeting of TLS, which it does not know",
		do:    "`ServiceTLSConfig` or `ServiceTLSFiles`; or no TLS on the client",
	}, {
		what: "a client with TLS, an HTTP server without it",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t), httpServer(t, nil), "Echo", 1, withTLS(trusting(authority(t))))
		},
		means: "what came is no TLS",
		do:    "the port: the text says what is there",
	}, {
		what: "no client certificate, and the server wants one",
		make: func(t *testing.T) error {
			a := authority(t)
			return call(inTime(t), pool(t), mutualService(t, a), "Echo", 1, withTLS(trusting(a)))
		},
		means: "the server has refused the handshake, which a client hears of behind it, when the request is on its way; the server has not read it",
		do:    "the first two arguments of `WithDialTLS`; `Certificates` in a `tls.Config`",
	}, {
		what: "a client certificate that the server does not trust",
		make: func(t *testing.T) error {
			a, config := authority(t), (*tls.Config)(nil)
			config = trusting(a)
			other := certificate(t, authority(t))
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &other, nil }
			return call(inTime(t), pool(t), mutualService(t, a), "Echo", 1, withTLS(config))
		},
		means: "likewise",
		do:    "which authority the server has in `ClientCAs`, and which one has issued the certificate",
	}, {
		what: "a server certificate of an authority that the client does not trust",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t), secureService(t, authority(t)), "Echo", 1, withTLS(trusting(authority(t))))
		},
		means: "the client has ended the handshake: nothing was sent",
		do:    "the CA file, third argument of `WithDialTLS`; has the authority been replaced?",
	}, {
		what: "a server certificate that has expired",
		make: func(t *testing.T) error {
			a := authority(t)
			expired, err := a.IssueExpired("127.0.0.1")
			if err != nil {
				t.Fatal(err)
			}
			return call(inTime(t), pool(t), service(t, native.Protocol{}, nil, serving(expired)), "Echo", 1, withTLS(trusting(a)))
		},
		means: "likewise",
		do:    "renew it: `ServiceTLSFiles` reads renewed files by itself. Or a clock is wrong",
	}, {
		what: "a server certificate for another name",
		make: func(t *testing.T) error {
			a := authority(t)
			node := service(t, native.Protocol{}, nil, serving(certificate(t, a, "sum.internal")))
			config := trusting(a)
			config.ServerName = "stock.internal"
			return call(inTime(t), pool(t), node, "Echo", 1, withTLS(config))
		},
		means: "likewise",
		do:    "the server's name, fourth argument of `WithDialTLS`; without one it is the host of the address",
	}, {
		what: "a CA file that is not there",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t), peer(t, silence), "Echo", 1, transport.ClientGetOptions(func(o *muxpool.GetOptions) {
				o.WithDialTLS("", "", "no-such-ca.pem", "sum.internal")
			}))
		},
		means: "files of TLS are read at each dial, and this one could not be",
		do:    "the path, and who may read it",
	}, {
		what: "the protocol's own handshake is refused: a wrong password",
		make: func(t *testing.T) error {
			node := peer(t, func(nc net.Conn) {
				if _, err := nc.Read(make([]byte, 512)); err == nil {
					_, _ = nc.Write([]byte("-WRONGPASS invalid username-password pair or user is disabled.\r\n"))
					silence(nc)
				}
			})
			p := resp.Protocol{Password: "secret"}
			_, err := client(pool(t), node, p, "PING").Endpoint()(inTime(t), []byte(nil))
			return err
		},
		means: "the peer does not know who calls; no other attempt would end otherwise",
		do:    "the credentials in the protocol's value",
	},
}

func serving(c tls.Certificate) transport.ServiceOption {
	return transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{c}})
}

func secureService(t *testing.T, a *muxtest.Authority) muxpool.Node {
	t.Helper()
	return service(t, native.Protocol{}, nil, serving(certificate(t, a)))
}

// mutualService wants certificates of the same authority.
func mutualService(t *testing.T, a *muxtest.Authority) muxpool.Node {
	t.Helper()
	return service(t, native.Protocol{}, nil, transport.ServiceTLSConfig(&tls.Config{
		Certificates: []tls.Certificate{certificate(t, a)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool(),
	}))
}

// httpServer is net/http's, over TLS if it has a certificate.
func httpServer(t *testing.T, c *tls.Certificate) muxpool.Node {
	t.Helper()
	l, node := listen(t)
	if c != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*c}})
	}
	s := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: quiet}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() { s.Close(); bounded.Receive(t, done) })
	return node
}
