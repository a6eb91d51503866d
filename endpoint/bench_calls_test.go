package endpoint

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// BenchmarkCalls is calls with a deadline each over the loopback, of a Client by itself and
// in the whole chain; the server is in this process too. What the chain costs is the
// difference, and its share that of the time of a call on both sides:
//
//	go test -run '^$' -bench Calls -cpu 1 -count 10 ./endpoint
//
// On a machine that does other work as well, compare the smallest figures.
func BenchmarkCalls(b *testing.B) {
	for _, callers := range []int{64, 512} {
		for _, way := range []string{"client", "chain"} {
			b.Run(fmt.Sprintf("%s/callers=%d", way, callers), func(b *testing.B) {
				w := newWorld(b, native.Protocol{})
				ep := w.client.Endpoint()
				if way == "chain" {
					ep = w.chain(b)
				}
				benchmarkCallers(b, ep, callers)
			})
		}
	}
}

// echoWorld is a service that answers with the bytes that it gets, and how to call it.
type echoWorld struct {
	protocol transport.ServerProtocol
	node     transport.Node
	pool     *muxpool.Multiplexed
	client   *transport.Client
}

func newWorld(tb testing.TB, p transport.ServerProtocol) *echoWorld {
	tb.Helper()
	l := listen(tb)
	s := transport.NewService(p)
	s.Handle("Echo", transport.NewServer(answerRequest, transport.DecodeBuffer, transport.EncodeResponseBuffer))
	serveOn(tb, s, l)
	w := &echoWorld{protocol: p, node: transport.Node{Network: "tcp", Address: l.Addr().String()}, pool: newPool(tb)}
	w.client = w.newClient(w.node)
	return w
}

func answerRequest(_ context.Context, request any) (any, error) { return request, nil }

func (w *echoWorld) newClient(n transport.Node) *transport.Client {
	return transport.NewClient(w.pool, n, w.protocol, "Echo", transport.EncodeBuffer, transport.DecodeBuffer)
}

// chain is Retry, Balancer and a breaker, fed by the pool, around the client.
func (w *echoWorld) chain(tb testing.TB) endpoint.Endpoint {
	tb.Helper()
	g := breaker.NewGroup()
	tb.Cleanup(g.Close)
	tb.Cleanup(g.Watch(w.pool))
	s := NewSet(sd.FixedInstancer{w.node.String()}, nil, WithBreakers(g), WithRetry(3, time.Minute))
	tb.Cleanup(s.Close)
	return s.Endpoint("Echo", w.newClient)
}

// benchmarkCallers has so many callers make b.N calls of 128 bytes.
func benchmarkCallers(b *testing.B, ep endpoint.Endpoint, callers int) {
	b.Helper()
	first := transport.NewBuffer(128)
	defer first.Release()
	if err := callEcho(ep, first); err != nil { // which dials
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			request := transport.NewBuffer(128)
			defer request.Release()
			for range b.N/callers + (b.N%callers-i+callers-1)/callers {
				if err := callEcho(ep, request); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func callEcho(ep endpoint.Endpoint, request *transport.Buffer) error {
	ctx, cancel := deadline.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	answer, err := ep(ctx, request)
	if err != nil {
		return err
	}
	defer answer.(*transport.Buffer).Release()
	if n := len(answer.(*transport.Buffer).Data); n != 128 {
		return fmt.Errorf("%d bytes instead of 128", n)
	}
	return nil
}
