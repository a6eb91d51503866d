package muxpool

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// namedParser has a name in ALPN.
type namedParser struct{ worldParser }

func (namedParser) NextProtocol() string { return "world" }

// TestTLSOfADial: what a dial adds to a configuration, where that says nothing, stays its own.
func TestTLSOfADial(t *testing.T) {
	for _, row := range []struct {
		name, address string
		with          *tls.Config
		parser        FrameParser
		server        string
		protocols     []string
	}{
		{"nothing is said", "sum.internal:443", &tls.Config{}, namedParser{}, "sum.internal", []string{"world"}},
		{"all is", "sum.internal:443", &tls.Config{ServerName: "other", NextProtos: []string{"mine"}}, namedParser{}, "other", []string{"mine"}},
		{"two names of protocols", "sum.internal:443", &tls.Config{NextProtos: []string{"a", "b"}}, namedParser{}, "sum.internal", []string{"a", "b"}},
		{"the protocol has none", "sum.internal:443", &tls.Config{}, worldParser{}, "sum.internal", nil},
		{"an address without a port", "/run/sum", &tls.Config{}, worldParser{}, "/run/sum", nil},
	} {
		users := row.with.Clone()
		d := &dialer{key: nodeKey{Node{"tcp", row.address}, Identity{parser: row.parser, tlsConfig: users}}}
		cfg, err := d.tlsConfig()
		if err != nil {
			t.Fatal(err)
		}
		if cfg.ServerName != row.server || !slices.Equal(cfg.NextProtos, row.protocols) || !cfg.DynamicRecordSizingDisabled {
			t.Errorf("%s: server %q, protocols %q, records in all sizes %v", row.name, cfg.ServerName, cfg.NextProtos, !cfg.DynamicRecordSizingDisabled)
		}
		if users.ServerName != row.with.ServerName || !slices.Equal(users.NextProtos, row.with.NextProtos) || users.DynamicRecordSizingDisabled {
			t.Errorf("%s: the user's configuration has changed: server %q, protocols %q", row.name, users.ServerName, users.NextProtos)
		}
	}
}

// TestWhomToTrust: "none" trusts everybody, and nothing else does.
func TestWhomToTrust(t *testing.T) {
	for ca, everybody := range map[string]bool{"none": true, "root": false, "": false} {
		cfg, err := tlsFiles{ca: ca, serverName: "sum.internal"}.load()
		if err != nil {
			t.Fatal(err)
		}
		if cfg.InsecureSkipVerify != everybody || cfg.RootCAs != nil || cfg.ServerName != "sum.internal" || cfg.Certificates != nil {
			t.Errorf("CA %q: trusts everybody %v, of server %q", ca, cfg.InsecureSkipVerify, cfg.ServerName)
		}
	}
}

// endless is a context whose end nobody hears of before its deadline has passed.
type endless struct {
	context.Context
	at time.Time
}

func (e endless) Deadline() (time.Time, bool) { return e.at, true }

// TestHandshakesThatFail: once it is said that it is about TLS, and what may be behind it if the peer has said nothing.
func TestHandshakesThatFail(t *testing.T) {
	hears := func(nc net.Conn) { _, _ = nc.Read(make([]byte, 1<<14)) }
	for _, row := range []struct {
		name string
		peer func(nc net.Conn)
		said string
		is   error
	}{
		{"silent", hears, "tls: context deadline exceeded", context.DeadlineExceeded},
		{"hangs up", func(nc net.Conn) { hears(nc); nc.Close() }, "tls: EOF, before the peer's first byte: does this port speak TLS?", io.EOF},
		{"speaks without", func(nc net.Conn) { hears(nc); _, _ = nc.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
			"tls: first record does not look like a TLS handshake: its first bytes are of HTTP, without TLS", nil},
		{"speaks what nobody knows", func(nc net.Conn) { hears(nc); _, _ = nc.Write([]byte("what nobody knows")) },
			"tls: first record does not look like a TLS handshake", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				defer ours.Close()
				go row.peer(theirs)
				ctx := endless{t.Context(), time.Now().Add(time.Second)}
				if err := ours.SetDeadline(ctx.at); err != nil { // as who greets does
					t.Fatal(err)
				}
				d := &dialer{key: nodeKey{Node{"tcp", "peer:1"}, Identity{parser: worldParser{}, tlsConfig: &tls.Config{InsecureSkipVerify: true}}}}
				_, err := d.startTLS(ctx, ours)
				if err == nil || err.Error() != row.said || row.is != nil && !errors.Is(err, row.is) {
					t.Errorf("got  %v\nwant %s", err, row.said)
				}
			})
		})
	}
}
