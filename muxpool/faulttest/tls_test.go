package faulttest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// pki is an authority, a certificate for this machine and the files of both.
type pki struct {
	*muxtest.Authority
	server            tls.Certificate
	ca, cert, keyFile string
}

func newPKI(t *testing.T) pki {
	t.Helper()
	ca, err := muxtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	p := pki{Authority: ca}
	if p.server, err = ca.Issue("localhost", "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if p.ca, err = ca.WriteCA(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if p.cert, p.keyFile, err = muxtest.WritePair(t.TempDir(), p.server); err != nil {
		t.Fatal(err)
	}
	return p
}

// onTLS is a world whose victim speaks TLS with that configuration; nil:
// plaintext.
func onTLS(t *testing.T, config *tls.Config, story func(*world.World)) {
	t.Helper()
	world.OnSockets(t, world.Setup{TLS: config}, story)
}

func serverConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func TestFault_TLSCertificate(t *testing.T) {
	p := newPKI(t)
	expired, err := p.IssueExpired("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := p.Issue("elsewhere.example", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	stranger := newPKI(t)
	for _, test := range []struct {
		name string
		cert tls.Certificate
		want func(error) bool
	}{
		{"expired", expired, func(err error) bool {
			var e x509.CertificateInvalidError
			return errors.As(err, &e) && e.Reason == x509.Expired
		}},
		{"wrong name", elsewhere, func(err error) bool { var e x509.HostnameError; return errors.As(err, &e) }},
		{"unknown CA", stranger.server, func(err error) bool { var e x509.UnknownAuthorityError; return errors.As(err, &e) }},
	} {
		for how, opts := range map[string]func(*muxpool.GetOptions){
			"files":  func(o *muxpool.GetOptions) { o.WithDialTLS("", "", p.ca, "") },
			"config": func(o *muxpool.GetOptions) { o.WithTLSConfig(&tls.Config{RootCAs: p.Pool()}) },
		} {
			t.Run(test.name+"/"+how, func(t *testing.T) {
				onTLS(t, serverConfig(test.cert), func(w *world.World) {
					opts(&w.Caller.Opts)
					const gets = 5
					for range gets {
						err := w.Call()
						w.WantError(err, muxpool.ErrConnectionsHaveBeenExpelled, false)
						if !test.want(err) {
							w.Errorf("the x509 error is not in the chain of %v", err)
						}
					}
					if s := w.Victim.Stats(); s.Frames != 0 || s.Accepted > 2*gets {
						w.Errorf("plaintext or a retry storm: %+v", s)
					}
					w.Until(time.Second, "the failed dials are told", func() bool { return len(w.Heard(muxpool.DialFailed)) > 0 })
					for _, e := range w.Heard(muxpool.DialFailed) {
						if e.Reason != muxpool.ReasonHandshakeFailed {
							w.Errorf("event %v", e)
						}
					}
				})
			})
		}
	}
}

func TestFault_TLSWorks(t *testing.T) {
	p := newPKI(t)
	mutual := serverConfig(p.server)
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, p.Pool()
	for name, opts := range map[string]func(*muxpool.GetOptions){
		"files":           func(o *muxpool.GetOptions) { o.WithDialTLS(p.cert, p.keyFile, p.ca, "") },
		"files, name":     func(o *muxpool.GetOptions) { o.WithDialTLS(p.cert, p.keyFile, p.ca, "localhost") },
		"no verification": func(o *muxpool.GetOptions) { o.WithDialTLS(p.cert, p.keyFile, "none", "") },
		"config": func(o *muxpool.GetOptions) {
			o.WithTLSConfig(&tls.Config{RootCAs: p.Pool(), Certificates: []tls.Certificate{p.server}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			onTLS(t, mutual, func(w *world.World) {
				opts(&w.Caller.Opts)
				if failed := w.Calls(100, 5*time.Second).Land(); len(failed) > 0 {
					w.Error(failed[0])
				}
			})
		})
	}
}

// TestFault_ClientCertificateWithoutCA: the predecessor fell back to plaintext.
func TestFault_ClientCertificateWithoutCA(t *testing.T) {
	p := newPKI(t)
	refused := func(w *world.World) {
		w.Caller.Opts.WithDialTLS(p.cert, p.keyFile, "", "")
		if err := w.Call(); err == nil {
			w.Error("the system's roots do not know the test's authority, and the call succeeded")
		}
		if s := w.Victim.Stats(); s.Frames != 0 {
			w.Errorf("plaintext: %+v", s)
		}
	}
	t.Run("plaintext peer", func(t *testing.T) { onTLS(t, nil, refused) })
	t.Run("TLS peer", func(t *testing.T) { onTLS(t, serverConfig(p.server), refused) })
	t.Run("certificate without a key", func(t *testing.T) {
		onTLS(t, nil, func(w *world.World) {
			w.Caller.Opts.WithDialTLS(p.cert, "", p.ca, "")
			if err := w.Call(); err == nil || w.Victim.Stats().Accepted != 0 {
				w.Errorf("%v, %+v", err, w.Victim.Stats())
			}
		})
	})
}

// neverShare makes three calls with each of these identities, and expects that each has its connection.
func neverShare(w *world.World, identities map[string]func(*muxpool.GetOptions)) {
	w.Helper()
	locals := make(map[string]string)
	for range 3 {
		for name, f := range identities {
			mc := w.Get(context.Background(), f)
			if err := muxtest.Exchange(mc, nil); err != nil {
				w.Error(name, ": ", err)
			}
			if host, _, _ := net.SplitHostPort(mc.LocalAddr().String()); name == "other local" && host != "127.0.0.2" {
				w.Errorf("the local address is %v", mc.LocalAddr())
			}
			if other, ok := locals[mc.LocalAddr().String()]; ok && other != name {
				w.Errorf("%s and %s share a connection", name, other)
			}
			locals[mc.LocalAddr().String()] = name
			mc.Close()
		}
	}
	if len(locals) != len(identities) {
		w.Errorf("%d connections for %d identities", len(locals), len(identities))
	}
}

// TestFault_DifferentIdentitiesNeverShare: the predecessor answered a TLS call in
// plaintext, on a shared connection.
func TestFault_DifferentIdentitiesNeverShare(t *testing.T) {
	p := newPKI(t)
	t.Run("plaintext peer", func(t *testing.T) {
		world.OnSockets(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
			neverShare(w, map[string]func(*muxpool.GetOptions){
				"plain":         func(o *muxpool.GetOptions) {},
				"other parser":  func(o *muxpool.GetOptions) { o.WithFrameParser(muxtest.Parser{Name: "other"}) },
				"plain parser":  func(o *muxpool.GetOptions) { o.WithFrameParser(muxtest.PlainParser{}) },
				"local address": func(o *muxpool.GetOptions) { o.WithLocalAddr("127.0.0.1:0") },
				"other local":   func(o *muxpool.GetOptions) { o.WithLocalAddr("127.0.0.2:0") },
			})
			for name, f := range map[string]func(*muxpool.GetOptions){ // these must fail, not share
				"TLS config": func(o *muxpool.GetOptions) { o.WithTLSConfig(&tls.Config{RootCAs: p.Pool()}) },
				"TLS files":  func(o *muxpool.GetOptions) { o.WithDialTLS("", "", p.ca, "") },
				"TLS none":   func(o *muxpool.GetOptions) { o.WithDialTLS("", "", "none", "") },
			} {
				c := w.Caller
				f(&c.Opts)
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				if err := w.Tally.Call(ctx, c, nil); err == nil {
					w.Errorf("%s: answered in plaintext", name)
				}
				cancel()
			}
			if frames := w.Victim.Stats().Frames; frames != 15 {
				w.Errorf("%d frames in plaintext, want 15", frames)
			}
		})
	})
	t.Run("TLS peer", func(t *testing.T) { // who shows another certificate, or trusts others, is somebody else
		config := func() func(*muxpool.GetOptions) {
			c := &tls.Config{RootCAs: p.Pool(), Certificates: []tls.Certificate{p.server}}
			return func(o *muxpool.GetOptions) { o.WithTLSConfig(c) }
		}
		world.OnSockets(t, world.Setup{Opts: world.OneConn, TLS: serverConfig(p.server)}, func(w *world.World) {
			neverShare(w, map[string]func(*muxpool.GetOptions){
				"config":       config(),
				"other config": config(),
				"files":        func(o *muxpool.GetOptions) { o.WithDialTLS("", "", p.ca, "") },
				"certificate":  func(o *muxpool.GetOptions) { o.WithDialTLS(p.cert, p.keyFile, p.ca, "") },
				"name":         func(o *muxpool.GetOptions) { o.WithDialTLS(p.cert, p.keyFile, p.ca, "localhost") },
				"no authority": func(o *muxpool.GetOptions) { o.WithDialTLS(p.cert, p.keyFile, "none", "") },
			})
		})
	})
}
