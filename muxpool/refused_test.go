package muxpool

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestRefusedCertificates: which errors of reading prove that the peer has read nothing.
func TestRefusedCertificates(t *testing.T) {
	alert := func(a tls.AlertError) error { return &net.OpError{Op: "remote error", Err: a} }
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	n := new(node)
	n.key.parser = worldParser{}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	for name, row := range map[string]struct {
		err     error
		version uint16
		came    uint64 // bytes of the peer's
		want    bool
	}{
		"certificate_required":    {alert(116), tls.VersionTLS13, 0, true},
		"unknown_ca, wrapped":     {fmt.Errorf("read: %w", alert(48)), tls.VersionTLS13, 0, true},
		"behind an answer":        {alert(116), tls.VersionTLS13, 1, false},
		"of TLS 1.2":              {alert(116), tls.VersionTLS12, 0, false},
		"internal_error":          {alert(80), tls.VersionTLS13, 0, false},
		"close_notify":            {io.EOF, tls.VersionTLS13, 0, false},
		"this side's own refusal": {&net.OpError{Op: "local error", Err: tls.AlertError(42)}, tls.VersionTLS13, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := net.Pipe()
			defer a.Close()
			defer b.Close()
			server := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true, MaxVersion: row.version})
			done := make(chan error, 1)
			go func() { done <- server.Handshake() }()
			client := tls.Client(a, &tls.Config{InsecureSkipVerify: true})
			if err := client.Handshake(); err != nil {
				t.Fatal(err)
			}
			if err := bounded.Receive(t, done); err != nil {
				t.Fatal(err)
			}
			c := &conn{nc: client, node: n}
			c.bytes.Store(row.came)
			if got := c.refusedUs(row.err); got != row.want {
				t.Errorf("%v: %v", row.err, got)
			}
		})
	}
	plain, other := net.Pipe()
	defer plain.Close()
	defer other.Close()
	if (&conn{nc: plain, node: n}).refusedUs(alert(116)) {
		t.Error("without TLS")
	}
}
