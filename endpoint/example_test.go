package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// settled waits for go-kit's Endpointer, which follows even the first event in the
// background. A Set knows its nodes when NewSet returns.
func settled(e sd.Endpointer) sd.Endpointer {
	for {
		if eps, err := e.Endpoints(); err != nil || len(eps) > 0 {
			return e
		}
		runtime.Gosched()
	}
}

type SumRequest struct{ A, B int }

type SumResponse struct{ V int }

// startSum serves Sum on the loopback until stop is called.
func startSum() (address string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s := muxtransport.NewService(native.Protocol{})
	s.Handle("Sum", muxtransport.NewServer(
		func(_ context.Context, request any) (any, error) {
			r := request.(SumRequest)
			return SumResponse{r.A + r.B}, nil
		},
		muxtransport.DecodeJSON[SumRequest], muxtransport.EncodeJSON))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(l)
	}()
	return l.Addr().String(), func() { s.Close(); <-done }
}

// sumClient makes the Client of a node.
func sumClient(pool muxpool.Pool) func(muxtransport.Node) *muxtransport.Client {
	return func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(pool, n, native.Protocol{}, "Sum",
			muxtransport.EncodeJSON, muxtransport.DecodeJSON[SumResponse])
	}
}

func Example() {
	address, stop := startSum()
	defer stop()

	pool, err := muxpool.New(muxpool.WithConnectNumber(2)) // one pool per process
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	breakers := breaker.NewGroup(breaker.WithMaxEjection(0.5)) // one breaker per node
	defer breakers.Close()
	defer breakers.Watch(pool)()

	var instancer sd.Instancer = sd.FixedInstancer{address} // or etcd, Consul, DNS SRV, ...
	logger := log.NewLogfmtLogger(os.Stderr)

	set := muxendpoint.NewSet(instancer, logger,
		muxendpoint.WithBreakers(breakers),
		muxendpoint.WithRetry(3, 500*time.Millisecond))
	defer set.Close()
	sum := muxendpoint.TypedFrom[SumRequest, SumResponse](set.Endpoint("Sum", sumClient(pool)))

	response, err := sum(context.Background(), SumRequest{1, 2})
	fmt.Println(response.V, err)
	// Output: 3 <nil>
}

// A chain made by hand of go-kit's own parts: sd.NewEndpointer, lb.NewRoundRobin
// and lb.Retry take what Factory makes as they take any other endpoint.
func ExampleFactory() {
	address, stop := startSum()
	defer stop()
	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	endpointer := sd.NewEndpointer(sd.FixedInstancer{address}, muxendpoint.Factory(sumClient(pool)), log.NewNopLogger())
	defer endpointer.Close()
	retry := lb.Retry(3, time.Second, lb.NewRoundRobin(settled(endpointer)))

	response, err := retry(context.Background(), SumRequest{1, 2})
	fmt.Println(response, err)
	// Output: {3} <nil>
}

// The same with the parts of this package in the places of go-kit's: the
// Directory tells the Balancer which endpoint is which node's.
func ExampleDirectory() {
	address, stop := startSum()
	defer stop()
	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	breakers := breaker.NewGroup()
	defer breakers.Close()
	defer breakers.Watch(pool)()

	dir := muxendpoint.NewDirectory(sumClient(pool), muxendpoint.WithBreakers(breakers))
	defer dir.Close()
	endpointer := sd.NewEndpointer(sd.FixedInstancer{address}, dir.Factory, log.NewNopLogger())
	defer endpointer.Close()
	balancer := muxendpoint.NewBalancer(dir.Over(settled(endpointer)), muxendpoint.WithBreakers(breakers))
	sum := muxendpoint.Retry(3, time.Second, balancer)

	response, err := sum(context.Background(), SumRequest{1, 2})
	fmt.Println(response, err)
	// Output: {3} <nil>
}

// from is an endpoint that tells which node it is of.
func from(name string) *muxendpoint.NodeEndpoint {
	node := muxpool.Node{Network: "tcp", Address: name + ":80"}
	return muxendpoint.NewNodeEndpoint(node, func(context.Context, any) (any, error) { return "from " + name, nil })
}

func ExampleBalancer() {
	breakers := breaker.NewGroup()
	defer breakers.Close()
	a, b := from("a"), from("b")
	defer breakers.Hold(a.Node())()
	defer breakers.Hold(b.Node())()
	breakers.ForceOpen(a.Node(), errors.New("maintenance"))

	balancer := muxendpoint.NewBalancer(muxendpoint.FixedEndpointer{a, b},
		muxendpoint.WithBreakers(breakers), muxendpoint.WithPolicy(muxendpoint.RoundRobin))
	for range 3 {
		call, err := balancer.Endpoint() // as go-kit's lb.Balancer
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(call(context.Background(), nil))
	}
	// Output:
	// from b <nil>
	// from b <nil>
	// from b <nil>
}

// unsent is an error that promises that the request never left.
type unsent struct{ error }

func (unsent) Sent() bool { return false }

func ExampleRetry() {
	refused := unsent{errors.New("connection refused")}
	down := muxendpoint.NewNodeEndpoint(muxpool.Node{Network: "tcp", Address: "a:80"},
		func(context.Context, any) (any, error) { return nil, refused })
	balancer := muxendpoint.NewBalancer(muxendpoint.FixedEndpointer{down, from("b")})
	call := muxendpoint.Retry(1, time.Second, balancer)
	fmt.Println(call(context.Background(), nil)) // what was not sent costs no attempt

	balancer = muxendpoint.NewBalancer(muxendpoint.FixedEndpointer{down})
	call = muxendpoint.Retry(3, time.Second, balancer)
	_, err := call(context.Background(), nil)
	var gaveUp *muxendpoint.RetryError
	fmt.Println(errors.As(err, &gaveUp), gaveUp.GaveUp, gaveUp.Sent(), errors.Is(err, refused))
	fmt.Println(gaveUp.Verdict())
	// Output:
	// from b <nil>
	// true no node false true
	// unavailable: path, not sent
}

// errQuota is an error of a package that knows nothing of muxkit.
var errQuota = errors.New("vendor: quota used up")

// Rules say what the errors of other packages mean. Here a node that has used up its quota
// is well: load has to move, and the call goes elsewhere.
func ExampleJudging() {
	rule := func(err error) (verdict.Verdict, bool) {
		v := verdict.ByCode(verdict.CodeResourceExhausted)
		v.Ran = verdict.Refused // as that package promises
		return v, errors.Is(err, errQuota)
	}
	used := muxendpoint.Judging(rule)(func(context.Context, any) (any, error) { return nil, errQuota })
	_, err := used(context.Background(), nil)
	fmt.Println(err, errors.Is(err, errQuota))
	fmt.Println(verdict.Of(err))

	node := muxendpoint.NewNodeEndpoint(muxpool.Node{Network: "tcp", Address: "a:80"}, used)
	call := muxendpoint.Retry(2, time.Second, muxendpoint.NewBalancer(muxendpoint.FixedEndpointer{node, from("b")}))
	fmt.Println(call(context.Background(), nil))
	// Output:
	// vendor: quota used up true
	// resource exhausted: overload, refused
	// from b <nil>
}

func ExampleTypedFrom() {
	var ep endpoint.Endpoint = func(_ context.Context, request any) (any, error) {
		return len(request.(string)), nil
	}
	length := muxendpoint.TypedFrom[string, int](ep)
	n, err := length(context.Background(), "muxkit")
	fmt.Println(n, err)

	wrong := muxendpoint.TypedFrom[string, string](ep)
	_, err = wrong(context.Background(), "muxkit")
	fmt.Println(err)
	// Output:
	// 6 <nil>
	// muxendpoint: wrong type: the answer is a int, not a string
}

func ExampleWithIdempotent() {
	set := muxendpoint.NewSet(sd.FixedInstancer{}, nil,
		muxendpoint.WithRetry(3, time.Second),
		muxendpoint.WithPerTryTimeout(200*time.Millisecond),
		muxendpoint.WithBudget(muxendpoint.NewBudget(0.2, 50)), // 20% of the calls
		muxendpoint.WithIdempotent(func(request any) bool {
			_, sums := request.(SumRequest)
			return sums
		}))
	defer set.Close()
	fmt.Println(set.Err())
	// Output: <nil>
}

func ExampleWithMiddleware() {
	logger := log.NewLogfmtLogger(os.Stdout)
	set := muxendpoint.NewSet(sd.FixedInstancer{}, nil, muxendpoint.WithoutWait(),
		muxendpoint.WithMiddleware(func(method string) endpoint.Middleware { return muxendpoint.Recovery(logger) }),
		muxendpoint.WithNodeMiddleware(func(method string, _ muxpool.Node) endpoint.Middleware {
			return muxendpoint.Limit(100) // calls in flight, per method and node
		}))
	defer set.Close()
	sum := set.Endpoint("Sum", sumClient(nil))
	_, err := sum(context.Background(), SumRequest{1, 2})
	fmt.Println(errors.Is(err, lb.ErrNoEndpoints))
	// Output: true
}
