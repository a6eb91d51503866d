package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/metrics"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/examples/quickstart/addsvc"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/debug"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// What the README and docs/getting-started.md show stands here, where it is compiled (internal/pages
// looks), and where the README's is run. The names that they use:
type (
	SumRequest  = addsvc.SumRequest
	SumResponse = addsvc.SumResponse
)

func TestReadme(t *testing.T) {
	muxtest.CheckLeaks(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	service := newService(addsvc.NewEndpoints(addsvc.NewService()).Sum)
	ended := make(chan error, 1)
	go func() { ended <- service.Serve(listener) }()
	v, err := callSum(context.Background(), sd.FixedInstancer{listener.Addr().String()}, log.NewNopLogger())
	if v != 42 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
	if err := service.Close(); err != nil {
		t.Error(err)
	}
	bounded.Receive(t, ended)
}

// The README's lines as they are printed, while no node is there: the call waits for one. What
// restarts do to them, and outages, TestRestarts of examples/resilience shows, with the same
// options.
func TestReadmeWaitsForANode(t *testing.T) {
	muxtest.CheckLeaks(t)
	down := muxtest.NewPeer(nil) // a peer that is down keeps its port, for who says so as well
	defer down.Close()
	address, err := down.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	down.Down()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	asked := make(chan struct{})
	answer := make(chan error, 1)
	go func() {
		v, err := callSum(ctx, telling{sd.FixedInstancer{address}, asked}, log.NewNopLogger())
		if err == nil && v != 42 {
			err = fmt.Errorf("got %d", v)
		}
		answer <- err
	}()
	bounded.Receive(t, asked)
	select {
	case err := <-answer:
		t.Fatalf("nobody is there: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	var listener net.Listener
	for listener, err = net.Listen("tcp", address); err != nil && ctx.Err() == nil; listener, err = net.Listen("tcp", address) {
		time.Sleep(10 * time.Millisecond) // the port is ours: it is free in a moment
	}
	if err != nil {
		t.Fatal(err)
	}
	service := newService(addsvc.NewEndpoints(addsvc.NewService()).Sum)
	ended := make(chan error, 1)
	go func() { ended <- service.Serve(listener) }()
	if err := bounded.Receive(t, answer); err != nil {
		t.Error(err)
	}
	if err := service.Close(); err != nil {
		t.Error(err)
	}
	bounded.Receive(t, ended)
}

// telling is an Instancer that tells when it was asked: the call follows.
type telling struct {
	sd.FixedInstancer
	asked chan struct{}
}

func (r telling) Register(ch chan<- sd.Event) {
	r.FixedInstancer.Register(ch)
	close(r.asked)
}

func callSum(ctx context.Context, instancer sd.Instancer, logger log.Logger) (int, error) {
	pool, err := muxpool.New(muxpool.WithConnectNumber(2)) // one pool per process
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	breakers := breaker.NewGroup(breaker.WithMaxEjection(0.5)) // one breaker per node
	defer breakers.Close()
	defer breakers.Watch(pool)() // a node without connections is out at once

	set := muxendpoint.NewSet(instancer, logger, // any go-kit sd.Instancer
		muxendpoint.WithBreakers(breakers),
		muxendpoint.WithRetry(3, 500*time.Millisecond)) // of attempts: waiting for a node is on top
	defer set.Close()
	sum := muxendpoint.TypedFrom[SumRequest, SumResponse](set.Endpoint("Sum",
		func(n muxtransport.Node) *muxtransport.Client {
			return muxtransport.NewClient(pool, n, native.Protocol{}, "Sum",
				muxtransport.EncodeJSON, muxtransport.DecodeJSON[SumResponse])
		}))

	resp, err := sum(ctx, SumRequest{A: 40, B: 2})
	return resp.V, err
}

func callInTime(ctx context.Context, sum func(context.Context, SumRequest) (SumResponse, error)) (int, error) {
	ctx, cancel := deadline.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	resp, err := sum(ctx, SumRequest{A: 40, B: 2})
	return resp.V, err
}

func newService(sumEndpoint endpoint.Endpoint) *muxtransport.Service {
	service := muxtransport.NewService(native.Protocol{})
	service.Handle("Sum", muxtransport.NewServer(sumEndpoint,
		muxtransport.DecodeJSON[SumRequest], muxtransport.EncodeJSON))
	return service
}

// The functions below are compiled, not run: each API that they show has tests of
// its own.

var _ = []any{chainByHand, callInTime, withTLS, shutDown, withMetrics, lookedAt, tuned, askEarly, byHand, zones}

func chainByHand(pool *muxpool.Multiplexed, breakers *breaker.Group, node muxpool.Node, logging endpoint.Middleware) endpoint.Endpoint {
	client := muxtransport.NewClient(pool, node, native.Protocol{}, "Sum",
		muxtransport.EncodeJSON, muxtransport.DecodeJSON[SumResponse])
	sum := client.Endpoint()
	sum = breakers.Middleware(node)(sum)
	sum = logging(sum)
	return sum
}

func byHand(instancer sd.Instancer, logger log.Logger, breakers *breaker.Group, newClient func(muxtransport.Node) *muxtransport.Client) {
	dir := muxendpoint.NewDirectory(newClient, muxendpoint.WithBreakers(breakers))
	defer dir.Close()
	endpointer := sd.NewEndpointer(instancer, dir.Factory, logger)
	defer endpointer.Close()
	balancer := muxendpoint.NewBalancer(dir.Over(endpointer), muxendpoint.WithBreakers(breakers))
	sum := muxendpoint.Retry(3, time.Second, balancer)
	_ = sum
}

func zones(instancer sd.Instancer, logger log.Logger, ordinal int) *muxendpoint.Set {
	set := muxendpoint.NewSet(instancer, logger,
		muxendpoint.WithZone(os.Getenv("ZONE")), // nodes of the own zone first
		muxendpoint.WithSubset(20, ordinal))     // 20 of the nodes that there are, and connections to no others
	return set
}

func withTLS(pool *muxpool.Multiplexed, n muxtransport.Node, certificate tls.Certificate) {
	client := muxtransport.NewClient(pool, n, native.Protocol{}, "Sum",
		muxtransport.EncodeJSON, muxtransport.DecodeJSON[SumResponse],
		muxtransport.ClientGetOptions(func(o *muxpool.GetOptions) {
			o.WithDialTLS("client.pem", "client.key", "ca.pem", "sum.internal")
		}))

	service := muxtransport.NewService(native.Protocol{},
		muxtransport.ServiceTLSConfig(&tls.Config{Certificates: []tls.Certificate{certificate}}))

	_, _ = client, service
}

func shutDown(ctx context.Context, service *muxtransport.Service, set *muxendpoint.Set, unwatch func(), breakers *breaker.Group, pool *muxpool.Multiplexed) {
	_ = service.Shutdown(ctx) // no new requests; those that are running may still call others
	_ = set.Shutdown(ctx)     // no new calls; those in flight finish
	unwatch()                 // what Watch returned
	breakers.Close()
	_ = pool.Shutdown(ctx) // last: nobody needs a connection any more
}

func withMetrics(instancer sd.Instancer, logger log.Logger, breakers *breaker.Group, calls, changes metrics.Counter, seconds metrics.Histogram) {
	set := muxendpoint.NewSet(instancer, logger,
		muxendpoint.WithBreakers(breakers),
		muxendpoint.WithMetrics(muxendpoint.Metrics{Calls: calls, Seconds: seconds}))
	breakers.Subscribe(func(c breaker.Change) {
		changes.With("node", c.Node.String(), "to", c.To.String(), "reason", c.Reason.String()).Add(1)
	})
	_ = set
}

func lookedAt(pool *muxpool.Multiplexed, mux *http.ServeMux) (stop func()) {
	recorder := debug.NewRecorder(pool, 200) // the last events; its Close ends that
	mux.Handle("/debug/muxpool", debug.Handler(pool, debug.WithRecorder(recorder)))
	return recorder.Close
}

func tuned() (*muxpool.Multiplexed, error) {
	return muxpool.New(
		muxpool.WithDialTimeout(300*time.Millisecond),
		muxpool.WithKeepAlive(time.Second))
}

func askEarly(err error) (maybeSent bool, retryAfter time.Duration) {
	var sent interface{ Sent() bool }
	maybeSent = !errors.As(err, &sent) || sent.Sent()
	var out *muxendpoint.AllOpenError
	if errors.As(err, &out) {
		retryAfter = out.RetryAfter
	}
	return maybeSent, retryAfter
}
