package transport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert, key, x509.NewCertPool()}
	a.pool.AddCert(cert)
	return a
}

func (a *authority) issue(t *testing.T, name string, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestMutualTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	var served atomic.Int64
	s := serve(t, map[string]*transport.Server{"Who": rawServer(func(ctx context.Context, _ any) (any, error) {
		served.Add(1)
		return []byte(transport.PeerCertificate(ctx).Subject.CommonName), nil
	})}, transport.ServiceTLSConfig(&tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, "server", time.Now().Add(time.Hour))},
		ClientCAs:    ca.pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}))
	call := func(certs ...tls.Certificate) (any, error) {
		cfg := &tls.Config{RootCAs: ca.pool, Certificates: certs}
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithReconnect(2, time.Millisecond, time.Millisecond))
		return rawClient(pool, s.node, "Who", transport.ClientGetOptions(
			func(o *muxpool.GetOptions) { o.WithTLSConfig(cfg) }))(testContext(t), []byte{})
	}
	got, err := call(ca.issue(t, "alice", time.Now().Add(time.Hour)))
	if err != nil || string(got.([]byte)) != "alice" {
		t.Fatalf("got %s, %v", got, err)
	}
	served.Store(0)
	for name, certs := range map[string][]tls.Certificate{
		"wrong authority": {other.issue(t, "mallory", time.Now().Add(time.Hour))},
		"expired":         {ca.issue(t, "old", time.Now().Add(-time.Minute))},
		"absent":          nil,
	} {
		for range 10 { // whether the server's word or the request comes first, the machine decides
			var failed *transport.Error
			if got, err := call(certs...); err == nil {
				t.Errorf("%s: got %s", name, got)
			} else if !errors.As(err, &failed) || failed.Sent() {
				t.Errorf("%s: it may be tried again, nothing was read: %v", name, err)
			}
		}
	}
	if served.Load() != 0 {
		t.Errorf("%d calls were served", served.Load())
	}
}

func TestStalledHandshakesDoNotBlockAccept(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, "server", time.Now().Add(time.Hour))
	synctest.Test(t, func(t *testing.T) {
		cert := cert
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)},
			transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}))
		defer stop()
		stalled := make([]net.Conn, 500)
		for i := range stalled {
			stalled[i] = p.dial(t)
		}
		// One of the good sort is served meanwhile.
		nc := tls.Client(p.dial(t), &tls.Config{InsecureSkipVerify: true})
		if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		if a, err := readAnswer(nc); err != nil || a.body != "x" {
			t.Fatalf("got %+v, %v", a, err)
		}
		start := time.Now()
		for _, nc := range stalled {
			one := make([]byte, 1)
			for {
				if _, err := nc.Read(one); err != nil {
					break
				}
			}
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("stalled handshakes ended after %v", took)
		}
		nc.Close()
	})
}
