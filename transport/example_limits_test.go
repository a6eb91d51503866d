package transport_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// What a Service lets in, and how long it waits for a client. All of them have defaults, but for the
// four that say so; these are smaller ones.
func ExampleNewService_limits() {
	pool, node, stop := startSum(nil,
		transport.ServiceMaxMetadata(2, 1<<10),              // pairs in a request, and their bytes
		transport.ServiceMaxWaiting(100),                    // for one of ServiceWorkers
		transport.ServiceMaxPerPeer(20, 500, 16<<20),        // of one address: connections, calls, bytes; no default
		transport.ServiceAdaptiveLimit(10*time.Millisecond), // calls that wait longer for a processor; no default
		transport.ServiceFrameRate(64<<10),                  // bytes a second of a frame that comes slowly
		transport.ServiceMaxAmplification(3),                // of datagrams' answers; no default
		transport.ServiceMaxConnAge(30*time.Minute))         // then its client is asked to connect anew; no default
	defer stop()
	_, err := sumClient(pool, node, transport.ClientBefore(
		transport.SetRequestMetadata("a", "1"), transport.SetRequestMetadata("b", "2"), transport.SetRequestMetadata("c", "3"),
	)).Endpoint()(context.Background(), sumRequest{1, 2})
	v := verdict.Of(err)
	fmt.Println(v.Code, "is the fault of the", v.Whose)
	// Output: too large is the fault of the caller
}

// A middleware that turns calls away: the caller learns that the call was not run.
func ExampleServerMiddleware() {
	onlySmall := func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			if request.(sumRequest).A > 100 {
				return nil, &transport.Error{Code: verdict.CodeResourceExhausted, Message: "not now", RetryAfter: time.Second}
			}
			return next(ctx, request)
		}
	}
	pool, node, stop := startSum([]transport.ServerOption{transport.ServerMiddleware(onlySmall)})
	defer stop()
	_, err := sumClient(pool, node).Endpoint()(context.Background(), sumRequest{101, 1})
	fmt.Println(verdict.Of(err))
	// Output: resource exhausted: overload, refused, retry after 1s
}

// An observer is told of every call, also of those that no Server gets.
func ExampleServiceObserve() {
	seen := make(chan string, 2)
	pool, node, stop := startSum(nil, transport.ServiceObserve(
		func(ctx context.Context, call transport.ObservedCall) (context.Context, func(*transport.Message)) {
			return ctx, func(answer *transport.Message) { seen <- fmt.Sprint(call.Method, " ", call.Known, " ", answer.Err) }
		}))
	defer stop()
	for _, method := range []string{"Sum", "Product"} {
		_, _ = transport.NewClient(pool, node, native.Protocol{}, method,
			transport.EncodeJSON, transport.DecodeJSON[sumResponse]).Endpoint()(context.Background(), sumRequest{1, 2})
		fmt.Println(<-seen)
	}
	// Output:
	// Sum true <nil>
	// Product false unimplemented: unknown method Product
}

// A Service that says what it has, to who may know, as muxcall asks it.
func ExampleServiceDescribe() {
	may := func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			if peer, ok := transport.PeerOf(ctx); !ok || peer.Remote == nil {
				return nil, &transport.Error{Code: verdict.CodePermissionDenied}
			}
			return next(ctx, request)
		}
	}
	pool, node, stop := startSum(
		[]transport.ServerOption{transport.ServerTypes(transport.JSONType[sumRequest](), transport.JSONType[sumResponse]())},
		transport.ServiceDescribe(transport.ServerMiddleware(may)))
	defer stop()
	description, err := transport.NewClient(pool, node, native.Protocol{}, "mux.describe",
		transport.EncodeJSON, transport.DecodeJSON[transport.Description]).Endpoint()(context.Background(), transport.DescribeRequest{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range description.(transport.Description).Methods {
		fmt.Println(m.Name)
	}
	// Output: Sum
}

// TLS on both sides from files, which are read again when they are renewed.
func ExampleServiceTLSFiles() {
	dir, err := os.MkdirTemp("", "transport")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	authority, err := muxtest.NewAuthority()
	if err != nil {
		fmt.Println(err)
		return
	}
	ca, caErr := authority.WriteCA(dir)
	pair, issueErr := authority.Issue("sum.internal") // of both sides here
	certificate, key, pairErr := muxtest.WritePair(dir, pair)
	if err := errors.Join(caErr, issueErr, pairErr); err != nil {
		fmt.Println(err)
		return
	}
	pool, node, stop := startSum(nil, transport.ServiceTLSFiles(certificate, key, ca)) // ca vouches for clients
	defer stop()
	sum := sumClient(pool, node, transport.ClientGetOptions(func(o *muxpool.GetOptions) {
		o.WithDialTLS(certificate, key, ca, "sum.internal")
	})).Endpoint()
	fmt.Println(sum(context.Background(), sumRequest{1, 2}))
	// Output: {3} <nil>
}

// Calls that move much stay out of the others' way. By default those do that are large.
func ExampleClientBulk() {
	pool, node, stop := startSum(nil)
	defer stop()
	fmt.Println(sumClient(pool, node, transport.ClientBulk(true)).Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output: {3} <nil>
}
