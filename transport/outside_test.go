package transport_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// dialed is an error of the standard library's, which tells both addresses.
func dialed() error {
	return &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 51000}, Addr: &net.TCPAddr{IP: net.IPv6loopback, Port: 80},
		Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// answerFor is what a server tells of an error of its endpoint.
func answerFor(err error) string {
	var resp transport.Message
	transport.DefaultErrorEncoder(context.Background(), err, &resp)
	return resp.Err.Message
}

// TestNoAddressesOutside: who calls a server is not told where the nodes are that it calls, and
// is told the rest.
func TestNoAddressesOutside(t *testing.T) {
	node := transport.Node{Network: "tcp", Address: "stock-0.internal:8080"}
	socket := transport.Node{Network: "unix", Address: "/run/stock.sock"}
	behind := func(n transport.Node, err error) error {
		return &transport.Error{Code: transport.CodeConnection, Node: n, Method: "Stock", Err: &muxpool.Error{Op: "get", Node: n, Err: err}}
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{behind(node, muxpool.ErrPoolClosed), "Stock: connection (path, maybe ran): get: pool closed"},
		{fmt.Errorf("reserving: %w", behind(node, muxpool.ErrPoolClosed)), "reserving: Stock: connection (path, maybe ran): get: pool closed"},
		{fmt.Errorf("reserving at %s: %w", node.Address, behind(node, muxpool.ErrPoolClosed)), "reserving at: Stock: connection (path, maybe ran): get: pool closed"},
		{behind(socket, syscall.ENOENT), "Stock: connection (path, maybe ran): get: no such file or directory"},
		{behind(node, dialed()), "Stock: connection (path, maybe ran): get: read tcp: read: connection reset by peer"},
		{&muxpool.Error{Op: "get", Node: node, Err: muxpool.ErrPoolClosed}, "get (not sent): muxpool: pool closed"},
		{dialed(), "read tcp: read: connection reset by peer"},
		{behind(node, &net.DNSError{Err: "no such host", Name: "stock-0.internal", Server: "10.0.0.53:53", IsNotFound: true}), "Stock: connection (path, maybe ran): get: lookup: no such host"},
		{behind(node, errors.New("etcd-0.internal:2379 and [::1]:2379, say: no leader")), "Stock: connection (path, maybe ran): get: and, say: no leader"},
		{behind(node, errors.New("at udp://10.0.0.9:53, unix:///run/x.sock, localhost:80 and 10.0.0.9:65535: no")), "Stock: connection (path, maybe ran): get: at,, and: no"},
		{behind(node, errors.New("not http://docs.test/help, tcp://, 10.0.0.9:65536, 10.0.0.9:7a, line:12 nor :80")),
			"Stock: connection (path, maybe ran): get: not http://docs.test/help, tcp://, 10.0.0.9:65536, 10.0.0.9:7a, line:12 nor :80"},
		{behind(node, x509.HostnameError{Host: "stock-1.internal", Certificate: &x509.Certificate{DNSNames: []string{"stock-0.internal", "stock-2.internal"}}}),
			"Stock: connection (path, maybe ran): get: x509: certificate is valid for,, not"},
		{&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv6loopback, Port: 80}, Err: syscall.ECONNREFUSED}, "dial tcp: connection refused"},
		{&net.OpError{Op: "dial", Net: "unix", Addr: &net.UnixAddr{Name: "/run/stock.sock", Net: "unix"}, Err: syscall.ECONNREFUSED}, "dial unix: connection refused"},
		{fmt.Errorf("%w, %w", errors.New("both"), dialed()), "both, read tcp: read: connection reset by peer"},
		{&transport.Error{Code: transport.CodeNotFound, Remote: true, Node: transport.Node{Network: "unix", Address: "/run/my stock.sock"}, Method: "Stock"}, "Stock: not found (caller, maybe ran)"},
		{verdict.Tell(errors.New("open for 10.0.0.9:80"), verdict.ByCode(verdict.CodeUnavailable)), "open for"},
		{&transport.Error{Code: transport.CodeNotFound, Remote: true, Node: node, Method: "Stock", Message: "no such item"}, "Stock: not found (caller, maybe ran): no such item"},
	} {
		got := answerFor(c.err)
		if got != c.want {
			t.Errorf("%v\nis answered %s\nwant        %s", c.err, got, c.want)
		}
	}
}

// TestOwnWordsGoOutAsTheyAre: what an endpoint says to its caller is its own affair.
func TestOwnWordsGoOutAsTheyAre(t *testing.T) {
	for _, err := range []error{
		errors.New("line main.go:12 of tcp://somewhere:80"),
		&transport.Error{Code: transport.CodeNotFound, Message: "ask 10.0.0.1:80"},
		fmt.Errorf("wrapped: %w", errors.New("10.0.0.1:80")),
		hollow{"of 10.0.0.1:80"},
	} {
		want := err.Error()
		if own := (*transport.Error)(nil); errors.As(err, &own) {
			want = own.Message
		}
		if got := answerFor(err); got != want {
			t.Errorf("%v is answered %s", err, got)
		}
	}
	if got := answerFor(errors.New(strings.Repeat("x", 5000) + " at last")); len(got) > 1100 || !strings.HasSuffix(got, "x at last") {
		t.Errorf("%d bytes, that end with %s", len(got), got[len(got)-20:])
	}
}

// hollow is an error that may have a cause, and has none.
type hollow struct{ text string }

func (h hollow) Error() string { return h.text }
func (hollow) Unwrap() error   { return nil }

// An error encoder may tell what it likes.
func TestAnErrorEncoderTellsAddresses(t *testing.T) {
	tell := transport.ServerErrorEncoder(func(_ context.Context, err error, resp *transport.Message) {
		resp.Err = &transport.Error{Code: transport.CodeInternal, Message: err.Error()}
	})
	s := serve(t, map[string]*transport.Server{"M": rawServer(func(context.Context, any) (any, error) { return nil, dialed() }, tell)})
	_, err := rawClient(newPool(t), s.node, "M")(testContext(t), []byte{})
	if err == nil || !strings.Contains(err.Error(), "[::1]:80") {
		t.Errorf("got %v", err)
	}
}
