package endpoint

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// scene is a Set with breakers over services.
type scene struct {
	*Set
	pool     muxpool.Pool
	breakers *breaker.Group
	attempts book
}

func newScene(t *testing.T, addresses []string, opts ...Option) *scene {
	pool, attempts := newPool(t), newBook()
	g := breaker.NewGroup()
	t.Cleanup(g.Close)
	t.Cleanup(g.Watch(pool))
	opts = append([]Option{WithBreakers(g), WithRetry(3, 5*time.Second), WithAttemptMetrics(Metrics{Calls: counter{attempts}})}, opts...)
	s := NewSet(sd.FixedInstancer(addresses), nil, opts...)
	t.Cleanup(s.Close)
	return &scene{s, pool, g, attempts}
}

func (s *scene) client(method string) func(transport.Node) *transport.Client {
	return func(n transport.Node) *transport.Client {
		return transport.NewClient(s.pool, n, trpc.Protocol{}, "/s/"+method, transport.EncodeBytes, transport.DecodeBytes)
	}
}

// outcomes counts the attempts of an outcome on all nodes.
func (s *scene) outcomes(outcome string) (n float64) {
	s.attempts.mu.Lock()
	defer s.attempts.mu.Unlock()
	for labels, count := range s.attempts.values {
		if strings.HasSuffix(labels, " outcome "+outcome) {
			n += count
		}
	}
	return n
}

// allWell checks that no breaker is open.
func (s *scene) allWell(t *testing.T) {
	t.Helper()
	for _, n := range s.Nodes() {
		if n.Open != nil {
			t.Errorf("a node is out: %v", n.Open)
		}
	}
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serveMethods serves methods.
func serveMethods(t testing.TB, methods map[string]endpoint.Endpoint, opts ...transport.ServerOption) (address string) {
	l := listen(t)
	svc := transport.NewService(trpc.Protocol{})
	for name, ep := range methods {
		svc.Handle("/s/"+name, transport.NewServer(ep, transport.DecodeBytes, transport.EncodeBytes, opts...))
	}
	serveOn(t, svc, l)
	return l.Addr().String()
}
