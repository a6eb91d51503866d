package troubletest

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// root is what each of the causes ends with.
const root = "the root of it"

var errRoot = errors.New(root)

// firstCauses are what a pool's errors come of, of a node at address.
func firstCauses(address string) map[string]error {
	tcp, _ := net.ResolveTCPAddr("tcp", address)
	op := func(op string, err error) error {
		return &net.OpError{Op: op, Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 9, 9, 9), Port: 999}, Addr: tcp, Err: err}
	}
	return map[string]error{
		"expelled":      fmt.Errorf("%w: %w", muxpool.ErrConnectionsHaveBeenExpelled, op("dial", os.NewSyscallError("connect", errRoot))),
		"lost":          fmt.Errorf("%w: %w", muxpool.ErrConnLost, op("read", errRoot)),
		"no name":       fmt.Errorf("%w: %w", muxpool.ErrConnectionsHaveBeenExpelled, &net.DNSError{Err: root, Name: "stock.internal", Server: "10.9.9.53:53", IsNotFound: true}),
		"another name":  fmt.Errorf("handshake: %w: %w", x509.HostnameError{Host: "stock.internal", Certificate: &x509.Certificate{DNSNames: []string{"db.internal"}}}, errRoot),
		"long":          fmt.Errorf("%w: %s: %w", muxpool.ErrProtocol, strings.Repeat("much is said. ", 1000), errRoot),
		"several lines": fmt.Errorf("%w: one\ntwo\x1b[31m: %w", muxpool.ErrProtocol, errRoot),
		"joined":        errors.Join(io.ErrUnexpectedEOF, syscall.ECONNRESET, errRoot),
	}
}

// failingPool has no connections: a Get, or the Read behind it, fails for why.
type failingPool struct {
	op  string
	why func(address string) error
}

func (p failingPool) GetMuxConn(_ context.Context, network, address string, _ muxpool.GetOptions) (muxpool.MuxConn, error) {
	err := &muxpool.Error{Op: p.op, Node: muxpool.Node{Network: network, Address: address}, Err: p.why(address)}
	if p.op == "get" {
		return nil, err
	}
	return &failingConn{err}, nil
}

type failingConn struct{ err error }

func (c *failingConn) Write([]byte) error    { return nil }
func (c *failingConn) Read() ([]byte, error) { return nil, c.err }
func (c *failingConn) VID() uint32           { return 1 }
func (c *failingConn) LocalAddr() net.Addr   { return nil }
func (c *failingConn) RemoteAddr() net.Addr  { return nil }
func (c *failingConn) Close()                {}

// chains are what a user puts around the Clients of some nodes.
func chains(t *testing.T, nodes ...string) map[string]func(muxpool.Pool) endpoint.Endpoint {
	of := func(opts ...muxendpoint.Option) func(p muxpool.Pool) endpoint.Endpoint {
		return func(p muxpool.Pool) endpoint.Endpoint { return setOver(t, p, sd.FixedInstancer(nodes), opts...) }
	}
	retry := []muxendpoint.Option{
		muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: true}), muxendpoint.WithRetry(5, 10*time.Second), muxendpoint.WithoutBudget(),
		muxendpoint.WithBackoff(time.Microsecond, time.Microsecond), muxendpoint.WithoutWait(),
	}
	tripped := breaker.NewGroup(breaker.WithoutProbe())
	t.Cleanup(tripped.Close)
	return map[string]func(muxpool.Pool) endpoint.Endpoint{
		"a Client": func(p muxpool.Pool) endpoint.Endpoint {
			return client(p, muxpool.Node{Network: "tcp", Address: nodes[0]}, native.Protocol{}, "Echo").Endpoint()
		},
		"a Set":             of(muxendpoint.WithoutWait()),
		"a Set that waits":  of(muxendpoint.WithWait(20 * time.Millisecond)),
		"retries":           of(retry...),
		"hedges":            of(append(retry, muxendpoint.WithHedging(time.Microsecond))...),
		"breakers":          of(append(retry, muxendpoint.WithBreakers(tripped))...),
		"a user's own word": func(p muxpool.Pool) endpoint.Endpoint { return wrapping(of(retry...)(p)) },
	}
}

// wrapping adds a word, as endpoints do.
func wrapping(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		response, err := next(ctx, request)
		if err != nil {
			err = fmt.Errorf("reserving: %w", err)
		}
		return response, err
	}
}

// TestTexts looks at the text of each error that a chain gives for each cause, at the first hop
// and at the second, over each protocol: it is one line, within bounds, that names each node and
// package once and has the first cause, also where a log has cut it; and who calls a server
// learns nothing of the addresses behind it.
func TestTexts(t *testing.T) {
	behind := []string{"10.1.1.1:7001", "10.1.1.2:7002"}
	protocols := map[string]transport.ServerProtocol{
		"native": native.Protocol{}, "tRPC": trpc.Protocol{}, "JSON-RPC": jsonrpc.Protocol{Version: jsonrpc.Version2}, "JSON-RPC 1.0": jsonrpc.Protocol{},
	}
	texts := 0
	look := func(t *testing.T, err error, hidden []string) {
		t.Helper()
		if err == nil {
			t.Fatal("nothing went wrong")
		}
		texts++
		for _, fault := range faults(err) {
			t.Errorf("%s: %.2000s", fault, err)
		}
		for what, said := range map[string]string{"the text": err.Error(), "a log's line": text.Said(err.Error(), 256)} {
			if !strings.Contains(said, root) {
				t.Errorf("%s has lost the first cause: %.2000s", what, said)
			}
		}
		for _, secret := range hidden {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("tells %s: %.2000s", secret, err)
			}
		}
	}
	for op := range map[string]bool{"get": true, "read": true} {
		for cause := range firstCauses(behind[0]) {
			pool := failingPool{op, func(address string) error { return firstCauses(address)[cause] }}
			for chain, make := range chains(t, behind...) {
				t.Run(op+"/"+cause+"/"+chain, func(t *testing.T) {
					_, first := make(pool)(inTime(t), []byte("x"))
					look(t, first, nil)
					for name, p := range protocols {
						t.Run(name, func(t *testing.T) { look(t, through(t, p, first), append(behind, "10.1.1.", "10.9.9.", ".internal")) })
					}
				})
			}
		}
	}
	if texts < 400 {
		t.Errorf("only %d texts were looked at", texts)
	}
}

// through is the error of a Set's call to a server whose endpoint has failed with err.
func through(t *testing.T, p transport.ServerProtocol, err error) error {
	t.Helper()
	s := transport.NewService(p)
	s.Handle("/s/Order", transport.NewServer(func(context.Context, any) (any, error) { return nil, err }, transport.DecodeBytes, transport.EncodeBytes))
	node := run(t, s)
	set := muxendpoint.NewSet(sd.FixedInstancer{node.Address}, nil, muxendpoint.WithoutWait())
	t.Cleanup(set.Close)
	pool := pool(t)
	order := set.Endpoint("Order", func(n transport.Node) *transport.Client { return client(pool, n, p, "/s/Order") })
	_, got := order(inTime(t), []byte(`[1]`))
	var answer *transport.Error
	if !errors.As(got, &answer) || !answer.Remote {
		t.Fatalf("not answered: %v", got)
	}
	return got
}
