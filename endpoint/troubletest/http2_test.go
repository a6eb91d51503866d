package troubletest

import (
	"net"
	"net/http"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// What begins an HTTP/2 connection (RFC 9113, 3.4 and 6.5): the client's preface, and the
// SETTINGS, empty, with which both sides begin.
const (
	preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
)

var http2 = []trouble{
	{
		what:  "an HTTP/2 server at the port, net/http's",
		make:  func(t *testing.T) error { return call(inTime(t), pool(t), http2Server(t), "Echo", 100) },
		means: "the server has hung up on what is no preface of HTTP/2, without a word",
		do:    "the port",
	}, {
		what:  "a gRPC server at the port",
		make:  func(t *testing.T) error { return call(inTime(t), pool(t), grpcServer(t), "Echo", 100) },
		means: "the server has begun with what every connection of HTTP/2 begins with",
		do:    "the port; gRPC is HTTP/2, which muxkit does not speak: [from-gokit-grpc.md](from-gokit-grpc.md)",
	},
}

// http2Server is net/http's, which speaks HTTP/2 without TLS and nothing else.
func http2Server(t *testing.T) muxpool.Node {
	t.Helper()
	l, node := listen(t)
	s := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: quiet, Protocols: new(http.Protocols)}
	s.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() { s.Close(); bounded.Receive(t, done) })
	return node
}

// grpcServer tells its SETTINGS, as gRPC's do, whatever the client says. It has read something of
// that before, so that they do not meet a connection on which no call is yet.
func grpcServer(t *testing.T) muxpool.Node {
	t.Helper()
	return peer(t, func(nc net.Conn) {
		if _, err := nc.Read(make([]byte, 1)); err != nil {
			return
		}
		if _, err := nc.Write([]byte(settings)); err == nil {
			silence(nc)
		}
	})
}

// askHTTP2 makes a request as HTTP/2's clients do that know what the port speaks.
func askHTTP2(t *testing.T, n muxpool.Node) {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true, Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	request, err := http.NewRequestWithContext(inTime(t), http.MethodPost, "http://"+n.Address+"/stock.Stock/Count", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := tr.RoundTrip(request); err == nil {
		response.Body.Close()
	}
}
