package transport_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestTLSThatVerifiesNobodyIsAnError: a configuration that would serve plaintext, or let
// any authority vouch for clients, or refuse every client, is told before anything is served.
func TestTLSThatVerifiesNobodyIsAnError(t *testing.T) {
	ca := newAuthority(t)
	with := func(auth tls.ClientAuthType, cas *x509.CertPool) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "server", time.Now().Add(time.Hour))}, ClientAuth: auth, ClientCAs: cas}
	}
	for name, c := range map[string]struct {
		cfg  *tls.Config
		want string // empty: it is good
	}{
		"nil":                  {nil, "ServiceTLSConfig(nil)"},
		"no certificate":       {&tls.Config{}, "no certificate"},
		"required, no CAs":     {with(tls.RequireAndVerifyClientCert, nil), "without ClientCAs"},
		"if given, no CAs":     {with(tls.VerifyClientCertIfGiven, nil), "without ClientCAs"},
		"required, empty CAs":  {with(tls.RequireAndVerifyClientCert, x509.NewCertPool()), "ClientCAs is empty"},
		"required, with CAs":   {with(tls.RequireAndVerifyClientCert, ca.pool), ""},
		"any certificate":      {with(tls.RequireAnyClientCert, nil), ""},
		"no client's, no CAs":  {with(tls.NoClientCert, nil), ""},
		"certificate from GCC": {&tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }}, ""},
	} {
		err := transport.NewService(native.Protocol{}, transport.ServiceTLSConfig(c.cfg)).Err()
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestChosenTLSIsCheckedToo: GetConfigForClient may choose no configuration that is refused above.
func TestChosenTLSIsCheckedToo(t *testing.T) {
	ca := newAuthority(t)
	bad := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "server", time.Now().Add(time.Hour))}, ClientAuth: tls.RequireAndVerifyClientCert}
	for name, chosen := range map[string]*tls.Config{"its own": bad, "the outer": nil} {
		reports := make(chan error, 8)
		outer := bad.Clone()
		outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen, nil }
		s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceTLSConfig(outer), reportTo(reports))
		nc := tls.Client(dialSite(t, s, false), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{ca.issue(t, "alice", time.Now().Add(time.Hour))}})
		if err := callOnce(t, nc); err == nil {
			t.Errorf("%s: served", name)
		}
		nc.Close()
		if err := wait(t, "the report", reports); !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), "without ClientCAs") {
			t.Errorf("%s: reported %v", name, err)
		}
	}
}

func reportTo(reports chan<- error) transport.ServiceOption {
	return transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reports <- err }))
}

// writePEM writes a certificate and its key, whole or not at all, as a renewal does.
func writePEM(t *testing.T, dir string, cert tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	return replace(t, dir, "cert.pem", "CERTIFICATE", cert.Certificate[0]), replace(t, dir, "key.pem", "EC PRIVATE KEY", key)
}

func replace(t *testing.T, dir, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRenewedCertificatesAreServed: new files are in use from the next connection on, on
// both sides; between the renewal of a certificate and of its key the old ones hold.
func TestRenewedCertificatesAreServed(t *testing.T) {
	ca, next, dir, clientDir := newAuthority(t), newAuthority(t), t.TempDir(), t.TempDir()
	hour := time.Now().Add(time.Hour)
	caFile := replace(t, dir, "ca.pem", "CERTIFICATE", ca.cert.Raw)
	first := ca.issue(t, "server", hour)
	certFile, keyFile := writePEM(t, dir, first)
	clientCert, clientKey := writePEM(t, clientDir, ca.issue(t, "alice", hour))
	reports := make(chan error, 32)
	s := serve(t, map[string]*transport.Server{"Who": rawServer(func(ctx context.Context, _ any) (any, error) {
		return []byte(transport.PeerCertificate(ctx).Subject.CommonName), nil
	})}, transport.ServiceTLSFiles(certFile, keyFile, caFile), reportTo(reports))
	call := func() (string, error) {
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithReconnect(1, time.Millisecond, time.Millisecond))
		defer pool.Close()
		got, err := rawClient(pool, s.node, "Who", transport.ClientGetOptions(func(o *muxpool.GetOptions) {
			o.WithDialTLS(clientCert, clientKey, caFile, "localhost")
		}))(testContext(t), []byte{})
		name, _ := got.([]byte)
		return string(name), err
	}
	serves := func() []byte {
		nc := tls.Client(dialSite(t, s, false), &tls.Config{InsecureSkipVerify: true})
		defer nc.Close()
		_ = nc.HandshakeContext(testContext(t)) // without a certificate of its own this client is refused later
		if certs := nc.ConnectionState().PeerCertificates; len(certs) > 0 {
			return certs[0].Raw
		}
		return nil
	}
	if who, err := call(); err != nil || who != "alice" || !bytes.Equal(serves(), first.Certificate[0]) {
		t.Fatalf("at first: %q, %v", who, err)
	}

	// Everything under another authority: the certificate first, then its key.
	second := next.issue(t, "server", hour)
	replace(t, dir, "cert.pem", "CERTIFICATE", second.Certificate[0])
	for len(reports) > 0 {
		bounded.Receive(t, reports)
	}
	for range 3 {
		if !bytes.Equal(serves(), first.Certificate[0]) {
			t.Error("between cert.pem and key.pem the old certificate does not hold")
		}
	}
	told := 0
	for told == 0 { // among what the clients without a certificate have caused
		if err := wait(t, "the report", reports); strings.Contains(err.Error(), "cert.pem") {
			told++
		}
	}
	writePEM(t, dir, second)
	if !bytes.Equal(serves(), second.Certificate[0]) {
		t.Error("the renewed certificate is not served")
	}
	replace(t, dir, "ca.pem", "CERTIFICATE", next.cert.Raw)
	if who, err := call(); err == nil {
		t.Errorf("a client of the old authority is %q", who)
	}
	writePEM(t, clientDir, next.issue(t, "bob", hour))
	if who, err := call(); err != nil || who != "bob" {
		t.Errorf("in the end: %q, %v", who, err)
	}
}

// TestBrokenFilesAreToldOfOnce: of files that cannot be read the first handshake after each change
// tells, and no other one.
func TestBrokenFilesAreToldOfOnce(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writePEM(t, dir, newAuthority(t).issue(t, "server", time.Now().Add(time.Hour)))
	reports := make(chan error, 32)
	s := serve(t, nil, transport.ServiceTLSFiles(certFile, keyFile, ""), reportTo(reports))
	handshake := func() {
		t.Helper()
		nc := tls.Client(dialSite(t, s, false), &tls.Config{InsecureSkipVerify: true})
		defer nc.Close()
		if err := nc.HandshakeContext(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(certFile, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		handshake()
	}
	if err := os.Remove(certFile); err != nil {
		t.Fatal(err)
	}
	handshake()
	for _, want := range []string{"failed to find any PEM data", "no such file"} {
		err := wait(t, "the report", reports)
		for !strings.Contains(err.Error(), "ServiceTLSFiles") { // what else a client has caused
			err = wait(t, "the report", reports)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("reported %v, want %q", err, want)
		}
	}
}

// TestTLSFilesThatCannotBeRead are errors that name them.
func TestTLSFilesThatCannotBeRead(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	certFile, keyFile := writePEM(t, dir, ca.issue(t, "server", time.Now().Add(time.Hour)))
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, files := range map[string][3]string{
		"missing.pem":                 {filepath.Join(dir, "missing.pem"), keyFile, ""},
		"key \"\"":                    {certFile, "", ""},
		"gone.pem":                    {certFile, keyFile, filepath.Join(dir, "gone.pem")},
		"is a directory":              {certFile, keyFile, dir},
		"holds no certificate in PEM": {certFile, keyFile, empty},
	} {
		err := transport.NewService(native.Protocol{}, transport.ServiceTLSFiles(files[0], files[1], files[2])).Err()
		if !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", files, err)
		}
	}
}

// TestALPN: a Service agrees on its protocol's name, serves who offers none, and refuses
// who offers only others; so does a pool.
func TestALPN(t *testing.T) {
	ca := newAuthority(t)
	s := serve(t, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, _ any) (any, error) {
		state, _ := ctx.Value(transport.ContextKeyTLS).(*tls.ConnectionState)
		return []byte(state.NegotiatedProtocol), nil
	})}, transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "server", time.Now().Add(time.Hour))}}))
	for name, c := range map[string]struct {
		offers []string
		want   string
	}{
		"the pool's own": {nil, "muxkit/2"},
		"another":        {[]string{"h2"}, "refused"},
		"both":           {[]string{"h2", "muxkit/2"}, "muxkit/2"},
	} {
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithReconnect(1, time.Millisecond, time.Millisecond))
		got, err := rawClient(pool, s.node, "M", transport.ClientGetOptions(func(o *muxpool.GetOptions) {
			o.WithTLSConfig(&tls.Config{RootCAs: ca.pool, NextProtos: c.offers})
		}))(testContext(t), []byte{})
		switch {
		case c.want == "refused" && err == nil:
			t.Errorf("%s: served, %q", name, got)
		case c.want != "refused" && (err != nil || string(got.([]byte)) != c.want):
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	nc := dialSite(t, s, true) // offers none
	defer nc.Close()
	if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
		t.Fatal(err)
	}
	if a, err := readAnswer(nc); err != nil || a.body != "" {
		t.Errorf("without a name: %+v, %v", a, err)
	}
}

// TestTwoTLSConfigurationsAreAnError: of a configuration that verifies clients and files
// that do not, or the other way round, neither may drop the other. The same option twice is
// its last.
func TestTwoTLSConfigurationsAreAnError(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	cert := ca.issue(t, "server", time.Now().Add(time.Hour))
	certFile, keyFile := writePEM(t, dir, cert)
	files := transport.ServiceTLSFiles(certFile, keyFile, "")
	cfg := transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}})
	for name, options := range map[string][]transport.ServiceOption{"files last": {cfg, files}, "files first": {files, cfg}} {
		if err := transport.NewService(native.Protocol{}, options...).Err(); !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), "exclude each other") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, options := range map[string][]transport.ServiceOption{"files twice": {files, files}, "a configuration twice": {cfg, cfg}} {
		if err := transport.NewService(native.Protocol{}, options...).Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServeNothing(t *testing.T) {
	s := transport.NewService(native.Protocol{})
	if err := s.Serve(nil); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("Serve(nil): %v", err)
	}
	if err := s.ServePacket(nil); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("ServePacket(nil): %v", err)
	}
}
