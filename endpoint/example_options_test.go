package endpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/metrics/discard"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// nodes make an endpoint of what each node does, in place of a Client.
func nodes(call func(ctx context.Context, node string) (any, error)) sd.Factory {
	return func(instance string) (endpoint.Endpoint, io.Closer, error) {
		return func(ctx context.Context, _ any) (any, error) { return call(ctx, instance) }, nil, nil
	}
}

var errDisk = errors.New("disk full")

// What is repeated, how often, and when.
func ExampleNewSet_retries() {
	set := muxendpoint.NewSet(sd.FixedInstancer{"a:80", "b:80"}, nil,
		muxendpoint.WithPolicy(muxendpoint.RoundRobin),
		muxendpoint.WithRetry(3, time.Minute), // attempts, and the time of all
		muxendpoint.WithBackoff(time.Millisecond, 10*time.Millisecond),
		muxendpoint.WithoutBudget(),          // or WithBudget; default a tenth of the calls
		muxendpoint.WithHedging(time.Minute), // later than so a further attempt goes out beside the first
		muxendpoint.WithRetryIf(func(err error) bool { return !errors.Is(err, errDisk) }),
		muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: true}))
	defer set.Close()
	var tries atomic.Int32
	busy := set.EndpointFrom("Busy", nodes(func(context.Context, string) (any, error) {
		if tries.Add(1) < 3 {
			return nil, errors.New("busy")
		}
		return "done", nil
	}))
	fmt.Println(busy(context.Background(), nil))
	full := set.EndpointFrom("Full", nodes(func(context.Context, string) (any, error) { return nil, errDisk }))
	_, err := full(context.Background(), nil)
	var gaveUp *muxendpoint.RetryError
	fmt.Println(errors.As(err, &gaveUp), gaveUp.GaveUp)
	// Output:
	// done <nil>
	// true not retryable
}

// What one call wants otherwise.
func ExampleWithCallOptions() {
	set := muxendpoint.NewSet(sd.FixedInstancer{"a:80", "b:80", "c:80"}, nil, muxendpoint.WithRetry(2, time.Minute))
	defer set.Close()
	where := set.EndpointFrom("Where", nodes(func(_ context.Context, node string) (any, error) { return node, nil }))
	ctx := muxendpoint.WithCallOptions(context.Background(),
		muxendpoint.CallTimeout(time.Second),
		muxendpoint.CallIdempotent(true),
		muxendpoint.CallHedge(100*time.Millisecond),
		muxendpoint.CallWait(50*time.Millisecond), // for a node that takes it; CallWithoutWait: not at all
		muxendpoint.CallKey("ann"))                // the same node for the same key
	first, err := where(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 10 {
		if node, err := where(ctx, nil); node != first || err != nil {
			fmt.Println(node, err)
		}
	}
	fmt.Println("always the same")

	nobody := muxendpoint.NewSet(sd.FixedInstancer{}, nil)
	defer nobody.Close()
	ctx = muxendpoint.WithCallOptions(context.Background(), muxendpoint.CallWithoutWait())
	_, err = nobody.EndpointFrom("Where", nodes(nil))(ctx, nil)
	fmt.Println(verdict.Of(err).Code)
	// Output:
	// always the same
	// unavailable
}

// For how long a call waits while no node takes it, and how many may.
func ExampleNewSet_waiting() {
	set := muxendpoint.NewSet(sd.FixedInstancer{}, nil,
		muxendpoint.WithWait(10*time.Millisecond), // default: as long as the caller's context lasts
		muxendpoint.WithMaxWaiting(100))
	defer set.Close()
	call := set.EndpointFrom("Where", nodes(nil))
	_, err := call(context.Background(), nil)
	var waited *muxendpoint.WaitError
	fmt.Println(errors.As(err, &waited), verdict.Of(err))
	// Output: true unavailable: nobody, not sent
}

// How long nodes are kept, how they begin, and what an instance is.
func ExampleNewSet_discovery() {
	set := muxendpoint.NewSet(sd.FixedInstancer{"stock-1", "stock-2"}, nil,
		muxendpoint.WithNodeParser(func(instance string) (muxpool.Node, error) {
			return muxendpoint.ParseNode(instance + ".stock.internal:8080")
		}),
		muxendpoint.WithKeepNodes(5*time.Minute, muxendpoint.KeepForever), // when discovery names none, and when it fails
		muxendpoint.WithRefreshInterval(2*time.Second),                    // between questions to a Refresher
		muxendpoint.WithSlowStart(10*time.Second))                         // of a node that is new or comes back; WithoutSlowStart: at once
	defer set.Close()
	for _, n := range set.Nodes() {
		fmt.Println(n.Node)
	}
	// Unordered output:
	// tcp://stock-1.stock.internal:8080
	// tcp://stock-2.stock.internal:8080
}

// A package that has several options to give makes one of them.
func ExampleOptions() {
	careful := muxendpoint.Options(
		muxendpoint.WithoutSlowStart(),
		muxendpoint.WithInvalidateOnError(time.Minute)) // as WithKeepNodes, which is newer
	set := muxendpoint.NewSet(sd.FixedInstancer{}, nil, careful)
	defer set.Close()
	fmt.Println(set.Err())
	// Output: <nil>
}

// What is seen of calls, and what errors mean.
func ExampleNewSet_telemetry() {
	var lines bytes.Buffer
	breakers := breaker.NewGroup()
	defer breakers.Close()
	set := muxendpoint.NewSet(sd.FixedInstancer{"a:80"}, nil,
		muxendpoint.WithBreakers(breakers),
		muxendpoint.WithService("stock"),                                                 // by which breakers and figures know it
		muxendpoint.WithLogging(slog.New(slog.NewTextHandler(&lines, nil)), math.MaxInt), // calls that failed; lines a second
		muxendpoint.WithMetrics(muxendpoint.Metrics{Calls: discard.NewCounter(), Seconds: discard.NewHistogram()}),
		muxendpoint.WithAttemptMetrics(muxendpoint.Metrics{Calls: discard.NewCounter()}),
		muxendpoint.WithJudging(verdict.Is(errDisk, verdict.CodeResourceExhausted)))
	defer set.Close()
	timed := set.EndpointFrom("Put", nodes(func(context.Context, string) (any, error) { return nil, errDisk }),
		muxendpoint.WithTiming(discard.NewHistogram()))
	_, err := timed(context.Background(), nil)
	fmt.Println(verdict.Of(err).Code)
	fmt.Println(strings.Contains(lines.String(), "method=Put"), strings.Contains(lines.String(), "whose=overload"))
	// Output:
	// resource exhausted
	// true true
}
