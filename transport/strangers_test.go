package transport_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// servingTLS is a Service with TLS, and where it reports.
func servingTLS(t *testing.T, reports chan error) *service {
	t.Helper()
	cert := newAuthority(t).issue(t, "server", time.Now().Add(time.Hour))
	return serve(t, map[string]*transport.Server{"M": rawServer(echo)}, reportTo(reports), transport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}))
}

// TestAPlaintextClientIsToldOfTLS: with an alert, which it can read although much of what it has
// sent is not read, and the end of the connection.
func TestAPlaintextClientIsToldOfTLS(t *testing.T) {
	reports := make(chan error, 1)
	s := servingTLS(t, reports)
	nc, err := net.Dial("tcp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	if _, err := nc.Write(bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 4<<10)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(nc)
	if want := []byte{21, 3, 1, 0, 2, 2, 10}; err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	nc.Close()
	if err := wait(t, "a report", reports); !strings.Contains(err.Error(), "its first bytes are of HTTP") {
		t.Errorf("reported as %v", err)
	}
}

// A client that has greeted in TLS, and is refused, reads TLS's own alert; ours would be one too
// many.
func TestATLSClientReadsOneAlert(t *testing.T) {
	reports := make(chan error, 1)
	s := servingTLS(t, reports)
	nc, err := net.Dial("tcp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	if err := tls.Client(nc, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}).Handshake(); err == nil ||
		!strings.Contains(err.Error(), "protocol version not supported") {
		t.Errorf("got %v", err)
	}
	if rest, err := io.ReadAll(nc); err != nil || len(rest) > 0 {
		t.Errorf("and then %v, %v", rest, err)
	}
	nc.Close()
	wait(t, "a report", reports)
}

// A Service that is shut down waits for no client that it has refused.
func TestARefusedClientDoesNotHoldUpShutdown(t *testing.T) {
	reports := make(chan error, 1)
	s := servingTLS(t, reports)
	nc, err := net.Dial("tcp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	if _, err := nc.Write([]byte("GET / HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(nc); err != nil { // it lingers now, since we have not closed
		t.Fatal(err)
	}
	if err := s.Shutdown(testContext(t)); err != nil {
		t.Error(err)
	}
}

// TestTheServiceSaysWhatAClientSpeaks that is on a wrong port, and of a client that has spoken
// the protocol before says nothing.
func TestTheServiceSaysWhatAClientSpeaks(t *testing.T) {
	ping := string(native.Protocol{}.AppendKeepAlive(nil, 1))
	for sent, want := range map[string]string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 64): "its first bytes are of TLS, see ServiceTLSConfig",
		"POST /sum HTTP/1.1\r\nHost: x\r\n\r\n":                                     "its first bytes are of HTTP",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                          "its first bytes are of HTTP/2",
		`{"jsonrpc":"2.0","method":"Sum","id":1}`:                                   "its first bytes are of JSON",
		"\x09\x30\x00\x00\x00\x00\x00\x20\x00\x00\x00\x00\x00\x00\x01\x00":          "its first bytes are of tRPC",
		"what is this, then?":                                                       "",
		ping + "POST /sum HTTP/1.1\r\nHost: x\r\n\r\n":                              "",
	} {
		reports := make(chan error, 1)
		s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, reportTo(reports))
		nc, err := net.Dial("tcp", s.node.Address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write([]byte(sent)); err != nil {
			t.Fatal(err)
		}
		got := wait(t, "a report", reports)
		nc.Close()
		if !strings.Contains(got.Error(), "something else") || want == "" && strings.Contains(got.Error(), "first bytes") || !strings.HasSuffix(got.Error(), want) {
			t.Errorf("%q is reported as %v, want %s", sent, got, want)
		}
	}
}
