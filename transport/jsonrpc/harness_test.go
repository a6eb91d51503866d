package jsonrpc_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

const waitTime = 20 * time.Second

// served is a Service at a loopback address.
type served struct {
	*transport.Service
	node transport.Node
}

func serve(t *testing.T, p transport.ServerProtocol, methods map[string]*transport.Server, options ...transport.ServiceOption) *served {
	t.Helper()
	s := transport.NewService(p, options...)
	for name, server := range methods {
		s.Handle(name, server)
	}
	address := peertest.Serve(t, s, "127.0.0.1:0", transport.ErrServiceClosed)
	return &served{s, transport.Node{Network: "tcp", Address: address}}
}

// raw is a connection on which a test speaks for itself.
type raw struct {
	t *testing.T
	net.Conn
	answers *json.Decoder
}

func dial(t *testing.T, n transport.Node) *raw {
	t.Helper()
	nc, err := net.DialTimeout(n.Network, n.Address, waitTime)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	return &raw{t, nc, json.NewDecoder(bufio.NewReader(nc))}
}

func (r *raw) send(text string) {
	r.t.Helper()
	if _, err := r.Write([]byte(text)); err != nil {
		r.t.Fatal(err)
	}
}

// next reads the next answer.
func (r *raw) next() (answer any) {
	r.t.Helper()
	if err := r.answers.Decode(&answer); err != nil {
		r.t.Fatalf("no answer: %v", err)
	}
	return answer
}

// want reads the next answer, which must be that text, whatever its spaces and order.
func (r *raw) want(text string) {
	r.t.Helper()
	var want any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		r.t.Fatal(err)
	}
	if got := r.next(); !reflect.DeepEqual(got, want) {
		b, _ := json.Marshal(got)
		r.t.Errorf("got %s, want %s", b, text)
	}
}

func newPool(t *testing.T, options ...muxpool.PoolOption) *muxpool.Multiplexed {
	t.Helper()
	pool, err := muxpool.New(append([]muxpool.PoolOption{muxpool.WithConnectNumber(1)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// scripted answers each request with what script makes of it; nil: nothing.
func scripted(t *testing.T, script func(request map[string]json.RawMessage) []byte) transport.Node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer nc.Close()
				for requests := json.NewDecoder(nc); ; {
					var request map[string]json.RawMessage
					if requests.Decode(&request) != nil {
						return
					}
					if answer := script(request); answer != nil {
						_, _ = nc.Write(answer)
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); bounded.Wait(t, running.Wait) }) // after the pool's
	return transport.Node{Network: "tcp", Address: l.Addr().String()}
}

func rawCall(t *testing.T, pool *muxpool.Multiplexed, n transport.Node, v jsonrpc.Version, method, body string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	defer cancel()
	got, err := transport.NewClient(pool, n, jsonrpc.Protocol{Version: v}, method, transport.EncodeBytes, transport.DecodeBytes).
		Endpoint()(ctx, []byte(body))
	b, _ := got.([]byte)
	return string(b), err
}
