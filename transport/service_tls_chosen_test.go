package transport_test

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// TestNamesOfTLSConfigurations: the protocol's is agreed on where a configuration has none of its own, be it
// the Service's or one that GetConfigForClient chooses; nobody's configuration is changed for that.
func TestNamesOfTLSConfigurations(t *testing.T) {
	cert := newAuthority(t).issue(t, "server", time.Now().Add(time.Hour))
	config := func(names ...string) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: names}
	}
	for name, row := range map[string]struct {
		own, chosen *tls.Config
		want        string
	}{
		"none":                   {own: config(), want: "muxkit/2"},
		"its own":                {own: config("other"), want: "other"},
		"none is chosen":         {own: config("other"), chosen: config(), want: "muxkit/2"},
		"its own is chosen":      {own: config(), chosen: config("other"), want: "other"},
		"several are of its own": {own: config("other", "muxkit/2"), want: "other"},
	} {
		own := row.own
		if row.chosen != nil {
			own = own.Clone()
			own.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return row.chosen, nil }
		}
		names := len(own.NextProtos)
		if row.chosen != nil {
			names += len(row.chosen.NextProtos)
		}
		s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceTLSConfig(own))
		nc := tls.Client(dialSite(t, s, false), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"muxkit/2", "other"}})
		if err := callOnce(t, nc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := nc.ConnectionState().NegotiatedProtocol; got != row.want {
			t.Errorf("%s: agreed on %q, want %q", name, got, row.want)
		}
		nc.Close()
		names -= len(own.NextProtos)
		if row.chosen != nil {
			names -= len(row.chosen.NextProtos)
		}
		if names != 0 {
			t.Errorf("%s: the operator's own configuration was changed", name)
		}
	}
}

// TestNoTLSIsChosen: an error of GetConfigForClient fails the handshake, and is reported.
func TestNoTLSIsChosen(t *testing.T) {
	cert := newAuthority(t).issue(t, "server", time.Now().Add(time.Hour))
	reports := make(chan error, 8)
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, reportTo(reports), transport.ServiceTLSConfig(&tls.Config{
		Certificates:       []tls.Certificate{cert},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("not today") },
	}))
	nc := dialSite(t, s, true)
	defer nc.Close()
	if err := callOnce(t, nc); err == nil {
		t.Fatal("served")
	}
	if err := wait(t, "the report", reports); !strings.Contains(err.Error(), "not today") {
		t.Errorf("reported as %v", err)
	}
}

// spoiled is a connection on which something else than TLS follows the greeting.
type spoiled struct {
	net.Conn
	greeted bool
}

func (c *spoiled) Write(b []byte) (int, error) {
	if c.greeted {
		_, err := c.Conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		return len(b), err
	}
	c.greeted = true
	return c.Conn.Write(b)
}

// TestWhatFollowsAGreetingIsNotItsBeginning: a client that has greeted in TLS speaks TLS, whatever it sends
// then.
func TestWhatFollowsAGreetingIsNotItsBeginning(t *testing.T) {
	reports := make(chan error, 8)
	s := servingTLS(t, reports)
	nc := tls.Client(&spoiled{Conn: dialSite(t, s, false)}, &tls.Config{InsecureSkipVerify: true})
	defer nc.Close()
	if err := callOnce(t, nc); err == nil {
		t.Error("served")
	}
	if err := wait(t, "the report", reports); !strings.Contains(err.Error(), "TLS handshake") || strings.Contains(err.Error(), "first bytes") {
		t.Errorf("reported as %v", err)
	}
}

// tapped keeps what is read of a connection.
type tapped struct {
	net.Conn
	got []byte
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.got = append(c.got, b[:n]...)
	return n, err
}

// TestRecordsAreAsLargeAsTheyMayBe: a frame is of use when its last byte is there, and small records at first,
// as they are for a browser's sake, are so many more.
func TestRecordsAreAsLargeAsTheyMayBe(t *testing.T) {
	cert := newAuthority(t).issue(t, "server", time.Now().Add(time.Hour))
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	for name, own := range map[string]*tls.Config{
		"its own": config,
		"chosen":  {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }},
	} {
		s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceTLSConfig(own))
		tap := &tapped{Conn: dialSite(t, s, false)}
		nc := tls.Client(tap, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}) // in which only data are of type 23
		if _, err := nc.Write(request(t, 1, "M", strings.Repeat("x", 64<<10))); err != nil {
			t.Fatal(err)
		}
		if a, err := readAnswer(nc); err != nil || len(a.body) != 64<<10 {
			t.Errorf("%s: %d bytes, %v", name, len(a.body), err)
		}
		nc.Close()
		records := 0
		for b := tap.got; len(b) > 5; b = b[min(len(b), 5+int(binary.BigEndian.Uint16(b[3:]))):] {
			if b[0] == 23 {
				records++
			}
		}
		if records > 8 {
			t.Errorf("%s: an answer of 64 KiB came in %d records of TLS", name, records)
		}
	}
}
