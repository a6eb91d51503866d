package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// evil is what nobody wants in a log.
const evil = "break\nout\x1b[31m"

func isFit(text string) bool {
	return len(text) <= 4096 && !strings.ContainsAny(text, "\r\n\x1b\u202e")
}

// TestForeignTextIsQuotedWhereItEnters: what a peer's certificate says is quoted and cut in
// the client's error, in the pool's events and in the server's report, whose causes remain.
func TestForeignTextIsQuotedWhereItEnters(t *testing.T) {
	ca := newAuthority(t)
	names := []string{evil, strings.Repeat("x", 10_000)}
	cert := ca.named(t, evil, names)
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}))
	pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithReconnect(1, time.Millisecond, time.Millisecond))
	events := make(chan error, 64)
	defer pool.Subscribe(func(ev muxpool.Event) {
		if ev.Err != nil {
			events <- ev.Err
		}
	})()
	_, err := rawClient(pool, s.node, "M", transport.ClientGetOptions(func(o *muxpool.GetOptions) {
		o.WithTLSConfig(&tls.Config{RootCAs: ca.pool, ServerName: "good.test"})
	}))(testContext(t), []byte{})
	var name x509.HostnameError
	if !errors.As(err, &name) || !strings.Contains(err.Error(), `break\nout`) || !isFit(err.Error()) {
		t.Errorf("the client got %.300q", err)
	}
	if err := wait(t, "an event", events); !isFit(err.Error()) {
		t.Errorf("an event has %.300q", err)
	}

	reports := make(chan error, 8)
	verify := func([][]byte, [][]*x509.Certificate) error { return errors.New("not you, " + evil + names[1]) }
	s = serve(t, map[string]*transport.Server{"M": rawServer(echo)}, reportTo(reports), transport.ServiceTLSConfig(&tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, "server", time.Now().Add(time.Hour))}, ClientAuth: tls.RequireAnyClientCert, VerifyPeerCertificate: verify}))
	nc := tls.Client(dialSite(t, s, false), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}})
	defer nc.Close()
	if err := callOnce(t, nc); err == nil {
		t.Error("served")
	}
	if err := wait(t, "the report", reports); !isFit(err.Error()) || !strings.Contains(err.Error(), `break\nout`) {
		t.Errorf("reported %.300q", err)
	}
}
