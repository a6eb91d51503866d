package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// A pool says that a node is gone: no call is spent on it.
func Example() {
	var pool source // stands for a *muxpool.Multiplexed
	breakers := breaker.NewGroup()
	defer breakers.Close()
	defer breakers.Watch(&pool)()

	node := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	sum := breakers.Middleware(node)(func(context.Context, any) (any, error) { return 42, nil })

	fmt.Println(sum(context.Background(), nil))
	pool.emit(muxpool.Event{Kind: muxpool.NodeExpelled, Node: node, Reason: muxpool.ReasonDialFailed,
		Err: muxpool.ErrConnectionsHaveBeenExpelled})
	_, err := sum(context.Background(), nil)

	var open *breaker.OpenError
	fmt.Println(errors.As(err, &open), open.Reason, open.RetryAfter > 0)
	fmt.Println(errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled))
	// Output:
	// 42 <nil>
	// true node expelled true
	// true true
}

// Detectors are combined freely; the first that finds a node sick ejects it.
func ExampleWithDetectors() {
	breakers := breaker.NewGroup(breaker.WithDetectors(
		breaker.ConsecutiveFailures(3),
		breaker.FailureRate(0.3, time.Minute, 100),
		breaker.SlowCalls(500*time.Millisecond, 0.8, 10*time.Second, 20),
		breaker.Deviation(1.9, 5, 100, 10*time.Second),
	))
	defer breakers.Close()

	node := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	fail := breakers.Middleware(node)(func(context.Context, any) (any, error) { return nil, errors.New("disk full") })
	for range 4 {
		_, err := fail(context.Background(), nil)
		var open *breaker.OpenError
		if errors.As(err, &open) {
			fmt.Println(open.Reason, "-", open.Cause)
		}
	}
	// Output: consecutive failures - disk full
}

// Settings that were made for gobreaker keep their meaning.
func ExampleWithGobreaker() {
	breakers := breaker.NewGroup(breaker.WithGobreaker(gobreaker.Settings{
		MaxRequests: 3,
		Timeout:     10 * time.Second,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.TotalFailures >= 2 },
	}))
	defer breakers.Close()
	fmt.Println(breakers.Err())
	// Output: <nil>
}

// A new setting is first only watched: nothing is refused.
func ExampleWithObserveOnly() {
	breakers := breaker.NewGroup(breaker.WithObserveOnly(true))
	defer breakers.Close()
	node := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	breakers.Trip(node, nil)
	fmt.Println(breakers.Check(node))
	for _, st := range breakers.Status() {
		fmt.Println(st.Node, "would be", st.State, "- ejections:", st.Totals.WouldEject)
	}
	// Output:
	// <nil>
	// tcp://10.0.0.1:7000 would be open - ejections: 1
}

// An operator takes a node out, and lets it back in.
func ExampleGroup_ForceOpen() {
	breakers := breaker.NewGroup()
	defer breakers.Close()
	node := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	breakers.ForceOpen(node, errors.New("maintenance until noon"))
	fmt.Println(breakers.Check(node))
	breakers.Enable(node)
	fmt.Println(breakers.Check(node))
	// Output:
	// breaker: tcp://10.0.0.1:7000 is out (forced open): maintenance until noon
	// <nil>
}

// A probe of one's own: the node comes back without costing a user's call.
func ExamplePoolProbe() {
	pool := &fakePool{} // stands for a *muxpool.Multiplexed
	opts := muxpool.NewGetOptions()
	ping := func(ctx context.Context, conn muxpool.MuxConn) error {
		return nil // write a request that the protocol answers cheaply, and read the answer
	}
	breakers := breaker.NewGroup(breaker.WithProbe(breaker.PoolProbe(pool, opts, ping), time.Second))
	defer breakers.Close()
	fmt.Println(breakers.Err())
	// Output: <nil>
}

// One group for two services: each has its own settings and shares, and a method that
// fails is closed off without the others.
func ExampleGroup_Scope() {
	breakers := breaker.NewGroup()
	defer breakers.Close()
	shop := breakers.Scope("shop", breaker.WithDetectors(breaker.ConsecutiveFailures(3)))

	node := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	defer shop.Hold(node)() // as service discovery does
	pay := shop.Guard(breaker.Target{Node: node, Method: "Pay"})
	look := shop.Guard(breaker.Target{Node: node, Method: "Look"})

	bankIsDown := verdict.Tell(errors.New("bank is down"), verdict.ByCode(verdict.CodeUnavailable))
	ep := pay.Middleware()(func(context.Context, any) (any, error) { return nil, bankIsDown })
	for range 3 {
		ep(context.Background(), nil)
	}
	fmt.Println(look.Ready(), pay.Ready())
	_, err := ep(context.Background(), nil)
	var open *breaker.OpenError
	fmt.Println(errors.As(err, &open), open.Method, "-", open.Cause)
	// Output:
	// true false
	// true Pay - bank is down
}

// Who needs a service for a while, as a Set does, has it forgotten afterwards.
func ExampleGroup_UseScope() {
	breakers := breaker.NewGroup()
	defer breakers.Close()
	node := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	opts := muxpool.NewGetOptions()
	probe := func(context.Context) error { return breaker.ErrConnectOnly }
	buy := func(context.Context, any) (any, error) { return "sold", nil }

	shop, done := breakers.UseScope("shop", breaker.WithMaxEjection(0.3)) // settings of its own
	defer done()                                                          // the last one has it forgotten
	defer shop.Hold(node)()                                               // discovery has the node
	guard := shop.Guard(breaker.Target{Node: node, Method: "Buy", Identity: opts.Identity()})
	guard.ProbeWith(probe) // what a Set does with its Clients' probes
	ep := guard.Middleware()(buy)

	fmt.Println(guard.Ready()) // may a call go there now? No lock, no allocation
	fmt.Println(ep(context.Background(), nil))
	// Output:
	// true
	// sold <nil>
}

// A chain made by hand gives its guard the Client's probe, as a Set does: a node that the
// pool gave up is back soon after its return, and no call was spent to find that out.
func ExampleGuard_ProbeWith() {
	var pool source // stands for a *muxpool.Multiplexed
	back := make(chan breaker.Reason, 1)
	breakers := breaker.NewGroup(breaker.WithListener(func(c breaker.Change) {
		if c.To == breaker.Closed {
			back <- c.Reason
		}
	}))
	defer breakers.Close()
	defer breakers.Watch(&pool)()

	node := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	guard := breakers.Scope("shop").Guard(breaker.Target{Node: node, Method: "Buy"})
	guard.ProbeWith(func(ctx context.Context) error {
		answered, err := true, error(nil) // of the Probe method of the node's *transport.Client
		if err == nil && !answered {
			return breaker.ErrConnectOnly
		}
		return err
	})
	pool.emit(muxpool.Event{Kind: muxpool.NodeExpelled, Node: node, Reason: muxpool.ReasonDialFailed})
	fmt.Println(guard.Ready())
	fmt.Println(<-back, guard.Ready())
	// Output:
	// false
	// probe succeeded true
}
