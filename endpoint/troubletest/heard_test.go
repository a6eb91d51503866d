package troubletest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
)

// report is a row of the page's last table: a client that is wrong, and what the server's
// ServiceErrorHandler hears of it.
type report struct {
	what    string
	serves  []transport.ServiceOption
	client  func(t *testing.T, node muxpool.Node)
	answers string // what the client is told
}

func reports(t *testing.T) []report {
	a := authority(t)
	mutual := transport.ServiceTLSConfig(&tls.Config{
		Certificates: []tls.Certificate{certificate(t, a)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool(),
	})
	stranger := certificate(t, authority(t))
	return []report{
		{
			what:   "a client without TLS, where TLS is wanted",
			serves: []transport.ServiceOption{mutual}, answers: "TLS's alert unexpected_message",
			client: func(t *testing.T, n muxpool.Node) { _ = call(inTime(t), pool(t), n, "Echo", 1) },
		}, {
			what:   "a client with TLS, where there is none",
			client: func(t *testing.T, n muxpool.Node) { _ = call(inTime(t), pool(t), n, "Echo", 1, withTLS(trusting(a))) },
		}, {
			what: "an HTTP client, where TLS is wanted", serves: []transport.ServiceOption{mutual}, answers: "TLS's alert unexpected_message",
			client: askHTTP,
		}, {
			what: "an HTTP client", client: askHTTP,
		}, {
			what: "an HTTP/2 client, net/http's", client: askHTTP2,
		}, {
			what:   "a gRPC client without TLS, where TLS is wanted",
			serves: []transport.ServiceOption{mutual}, answers: "TLS's alert unexpected_message",
			client: func(t *testing.T, n muxpool.Node) { say(t, n, []byte(preface+settings)) },
		}, {
			what: "a client that speaks JSON-RPC, to native",
			client: func(t *testing.T, n muxpool.Node) {
				_, _ = client(pool(t), n, jsonrpc.Protocol{Version: jsonrpc.Version2}, "Echo").Endpoint()(inTime(t), []byte(`[1]`))
			},
		}, {
			what: "a client of version 1 of the native protocol", answers: "an error of version 1, `this server speaks native version 2, the frame is of version 1`",
			client: func(t *testing.T, n muxpool.Node) { say(t, n, golden(t, "v1/request")) },
		}, {
			what: "a client without a certificate, where one is wanted", serves: []transport.ServiceOption{mutual}, answers: "TLS's alert certificate_required",
			client: func(t *testing.T, n muxpool.Node) { _ = call(inTime(t), pool(t), n, "Echo", 1, withTLS(trusting(a))) },
		}, {
			what: "a client whose certificate is of another authority", serves: []transport.ServiceOption{mutual}, answers: "TLS's alert unknown_ca",
			client: func(t *testing.T, n muxpool.Node) {
				config := trusting(a)
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }
				_ = call(inTime(t), pool(t), n, "Echo", 1, withTLS(config))
			},
		}, {
			what: "a client that does not trust the server's certificate", serves: []transport.ServiceOption{mutual}, answers: "nothing: it has ended the handshake itself",
			client: func(t *testing.T, n muxpool.Node) {
				_ = call(inTime(t), pool(t), n, "Echo", 1, withTLS(trusting(authority(t))))
			},
		}, {
			what: "a frame of more than 16 times the limit", serves: []transport.ServiceOption{transport.ServiceMaxFrameSize(1024)}, answers: "nothing: the connection ends",
			client: func(t *testing.T, n muxpool.Node) { _ = call(inTime(t), pool(t), n, "Echo", 20_000) },
		}, {
			what: "one connection more than its address may have", serves: []transport.ServiceOption{transport.ServiceMaxPerPeer(1, 0, 0)}, answers: "nothing: it is closed",
			client: oneMore,
		}, {
			what: "one connection more than the Service takes", serves: []transport.ServiceOption{transport.ServiceMaxConns(1)}, answers: "nothing: it is closed",
			client: oneMore,
		}, {
			what: "a method that is not there", answers: "unimplemented, refused",
			client: func(t *testing.T, n muxpool.Node) { _ = call(inTime(t), pool(t), n, "Length", 1) },
		},
	}
}

// TestReports compares the page's last table with what a Service reports, first, of each
// client that is wrong.
func TestReports(t *testing.T) {
	var table strings.Builder
	table.WriteString("| the client | the `ServiceErrorHandler` hears | the client is told |\n|---|---|---|\n")
	for _, r := range reports(t) {
		t.Run(r.what, func(t *testing.T) {
			first := make(chan error, 1)
			hear := transport.ServiceErrorHandler(handler(func(_ context.Context, err error) {
				select {
				case first <- err:
				default:
				}
			}))
			r.client(t, service(t, native.Protocol{}, nil, append(r.serves, hear)...))
			said := plain(bounded.Receive(t, first).Error())
			if strings.ContainsAny(said, "\r\n") || strings.Count(said, "10.0.0.1:8080") != 1 {
				t.Errorf("it has several lines, or does not tell the client once: %s", said)
			}
			answers := r.answers
			if answers == "" {
				answers = "nothing: it would not understand"
			}
			fmt.Fprintf(&table, "| %s | `%s` | %s |\n", r.what, strings.ReplaceAll(said, "|", `\|`), answers)
		})
	}
	if !t.Failed() {
		compare(t, "What the server hears", table.String())
	}
}

type handler func(context.Context, error)

func (f handler) Handle(ctx context.Context, err error) { f(ctx, err) }

// askHTTP makes an HTTP request, whatever becomes of it.
func askHTTP(t *testing.T, n muxpool.Node) {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	request, err := http.NewRequestWithContext(inTime(t), http.MethodGet, "http://"+n.Address+"/sum", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := tr.RoundTrip(request); err == nil {
		response.Body.Close()
	}
}

// oneMore makes a connection that works, and another.
func oneMore(t *testing.T, n muxpool.Node) {
	t.Helper()
	if err := call(inTime(t), pool(t), n, "Echo", 1); err != nil {
		t.Fatal(err)
	}
	_ = call(inTime(t), pool(t), n, "Echo", 1)
}

// say sends bytes and reads the answer.
func say(t *testing.T, n muxpool.Node, b []byte) {
	t.Helper()
	nc, err := net.Dial(n.Network, n.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if deadline, ok := inTime(t).Deadline(); ok {
		_ = nc.SetDeadline(deadline)
	}
	if _, err := nc.Write(b); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, nc)
}
