package harness

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Env is where a contender runs.
type Env struct {
	Net     string // "tcp", "tls" (over TCP) or "unix"
	Addr    string // what Serve returned; empty in the server
	Dir     string // holds the certificate, its key and unix sockets
	Size    int    // bytes of payload
	Callers int    // of all kinds
	Host    string // where to listen; empty: on loopback
	Nodes   int    // servers in the server's process; 0: one, without the rules of nodes.go
	Rate    int    // as Cell's
	Bulk    Bulk   // as Cell's
	Heap    int    // as Cell's
}

// OfBulk reports whether caller i asks for bulk: the last ones do.
func (e Env) OfBulk(i int) bool { return i >= e.Callers-e.Bulk.Callers }

// Largest is the size of the largest message.
func (e Env) Largest() int { return max(e.Size, e.Bulk.Size) }

// Network is Net as the net package names it.
func (e Env) Network() string {
	if e.Net == "unix" {
		return "unix"
	}
	return "tcp"
}

// Listen listens on a free loopback port or on a socket in Dir, with TLS where that is asked
// for.
func (e Env) Listen() (net.Listener, error) {
	l, err := e.ListenBare()
	if err != nil || e.Net != TLS {
		return l, err
	}
	cfg, err := e.ServerTLS()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return tls.NewListener(l, cfg), nil
}

// ListenBare is Listen for a server that does TLS itself (see ServerTLS).
func (e Env) ListenBare() (net.Listener, error) {
	if e.Net == "unix" {
		return net.Listen("unix", filepath.Join(e.Dir, fmt.Sprintf("%d.sock", os.Getpid())))
	}
	return net.Listen("tcp", net.JoinHostPort(cmp.Or(e.Host, "127.0.0.1"), "0"))
}

// ServerTLS has the certificate in Dir.
func (e Env) ServerTLS() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(e.CertFile(), e.keyFile())
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
}

// ServeEach listens, gives each connection to handle, in a goroutine of its own, and
// returns the address.
func (e Env) ServeEach(handle func(net.Conn)) (string, error) {
	l, err := e.Listen()
	if err != nil {
		return "", err
	}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go handle(nc)
		}
	}()
	return l.Addr().String(), nil
}

// DialConn makes one connection to Addr.
func (e Env) DialConn() (net.Conn, error) {
	if e.Net != "tls" {
		return net.Dial(e.Network(), e.Addr)
	}
	cfg, err := e.ClientTLS()
	if err != nil {
		return nil, err
	}
	return tls.Dial("tcp", e.Addr, cfg)
}

// ClientTLS trusts the certificate in Dir.
func (e Env) ClientTLS() (*tls.Config, error) {
	ca, err := os.ReadFile(e.CertFile())
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", e.CertFile())
	}
	return &tls.Config{RootCAs: roots, ServerName: ServerName}, nil
}

const ServerName = "localhost"

func (e Env) CertFile() string { return filepath.Join(e.Dir, "cert.pem") }
func (e Env) keyFile() string  { return filepath.Join(e.Dir, "key.pem") }

// writeCertificate makes a self-signed certificate for serverName in dir.
func writeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "muxbench"},
		DNSNames:              []string{ServerName},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(48 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	env := Env{Dir: dir}
	return errors.Join(
		os.WriteFile(env.CertFile(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600),
		os.WriteFile(env.keyFile(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
}
