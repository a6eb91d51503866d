package transport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// named issues a certificate that names its holder in the given ways.
func (a *authority) named(t *testing.T, common string, dns []string, uris ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: common}, DNSNames: dns,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, u := range uris {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = append(template.URIs, parsed)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestHandlersKnowTheirPeer: a handler knows its client's address, protocol and certificate, and who that
// names; one that was not verified names nobody.
func TestHandlersKnowTheirPeer(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	for name, c := range map[string]struct {
		auth     tls.ClientAuthType
		cert     []tls.Certificate
		identity string
	}{
		"URI before DNS":     {tls.RequireAndVerifyClientCert, []tls.Certificate{ca.named(t, "alice", []string{"a.test"}, "spiffe://test/alice")}, "spiffe://test/alice"},
		"DNS before CN":      {tls.RequireAndVerifyClientCert, []tls.Certificate{ca.named(t, "alice", []string{"a.test", "b.test"})}, "a.test"},
		"one DNS name":       {tls.RequireAndVerifyClientCert, []tls.Certificate{ca.named(t, "alice", []string{"c.test"})}, "c.test"},
		"CN":                 {tls.RequireAndVerifyClientCert, []tls.Certificate{ca.named(t, "alice", nil)}, "alice"},
		"shown, not asked":   {tls.RequestClientCert, []tls.Certificate{other.named(t, "mallory", nil)}, ""},
		"shown, unverified":  {tls.RequireAnyClientCert, []tls.Certificate{other.named(t, "mallory", nil)}, ""},
		"none, if given":     {tls.VerifyClientCertIfGiven, nil, ""},
		"no certificate TLS": {tls.NoClientCert, nil, ""},
	} {
		seen, early := make(chan transport.Peer, 1), make(chan bool, 1)
		s := serve(t, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
			p, ok := transport.PeerOf(ctx)
			if !ok {
				t.Errorf("%s: a handler does not know its peer", name)
			}
			if (transport.PeerCertificate(ctx) == nil) != (p.Certificate() == nil) {
				t.Errorf("%s: PeerCertificate differs", name)
			}
			seen <- p
			return r, nil
		})}, transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "server", time.Now().Add(time.Hour))},
			ClientCAs: ca.pool, ClientAuth: c.auth}),
			transport.ServiceConnContext(func(ctx context.Context, nc net.Conn) context.Context {
				p, ok := transport.PeerOf(ctx)
				early <- ok && p.Remote.String() == nc.RemoteAddr().String() && p.Identity() == c.identity
				return context.WithValue(ctx, testKey{}, 1)
			}))
		cfg := &tls.Config{RootCAs: ca.pool, ServerName: "localhost", Certificates: c.cert}
		got, err := rawClient(newPool(t, muxpool.WithConnectNumber(1)), s.node, "M", transport.ClientGetOptions(
			func(o *muxpool.GetOptions) { o.WithTLSConfig(cfg) }))(testContext(t), []byte("x"))
		if err != nil {
			t.Fatalf("%s: %s, %v", name, got, err)
		}
		if !wait(t, "ServiceConnContext", early) {
			t.Errorf("%s: its function does not know the peer", name)
		}
		p := wait(t, "the handler", seen)
		if p.Identity() != c.identity || p.TLS == nil || p.Protocol != (native.Protocol{}) || p.Local.String() != s.node.Address ||
			p.Remote.(*net.TCPAddr).Port == 0 || p.Since.IsZero() || p.Age() < 0 {
			t.Errorf("%s: %q, %+v", name, p.Identity(), p)
		}
	}
	if p, ok := transport.PeerOf(context.Background()); ok || p.Identity() != "" || p.Certificate() != nil {
		t.Errorf("nobody's peer is %+v", p)
	}
}

type testKey struct{}

// TestPeerOfPlaintextAndDatagrams.
func TestPeerOfPlaintextAndDatagrams(t *testing.T) {
	methods := map[string]*transport.Server{"M": rawServer(func(ctx context.Context, _ any) (any, error) {
		p, ok := transport.PeerOf(ctx)
		return fmt.Appendf(nil, "%v %s %v %q %v", ok, p.Remote.Network(), p.TLS == nil, p.Identity(), p.Age() < time.Hour), nil
	})}
	for network, s := range map[string]*service{"tcp": serve(t, methods), "udp": servePacket(t, methods)} {
		got, err := rawClient(newPool(t), s.node, "M")(testContext(t), []byte{})
		if want := "true " + network + ` true "" true`; err != nil || string(got.([]byte)) != want {
			t.Errorf("%s: %q, %v", network, got, err)
		}
	}
}

// TestPeerAge: the age is the connection's, and not the call's; the addresses are those of a listener's own
// connection.
func TestPeerAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, _ any) (any, error) {
			p, _ := transport.PeerOf(ctx)
			return fmt.Append(nil, p.Age(), " ", p.Local, " ", p.Remote), nil
		})})
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		time.Sleep(50 * time.Second)
		if _, err := nc.Write(request(t, 1, "M", "")); err != nil {
			t.Fatal(err)
		}
		if a, err := readAnswer(nc); err != nil || a.body != "50s pipe pipe" {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}
