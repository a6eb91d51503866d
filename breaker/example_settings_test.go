package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// For how long a node is out, and how it comes back.
func ExampleNewGroup_comeback() {
	changed := make(chan breaker.Change, 1)
	breakers := breaker.NewGroup(
		breaker.WithDetectors(breaker.ConsecutiveFailures(1)),
		breaker.WithEjectionTime(time.Second, time.Minute), // the first, and the limit of those that double
		breaker.WithoutJitter(),                            // WithJitter(0.2), the default, adds up to a fifth
		breaker.WithDecay(30*time.Second),                  // closed for so long, a node's next ejection is as short as before
		breaker.WithProbes(2),                              // calls that have to succeed before it is closed
		breaker.WithProbeTimeout(time.Second),              // of each
		breaker.WithoutProbe(),                             // users' calls are the probes, and nothing else
		breaker.WithListener(func(c breaker.Change) { changed <- c }))
	defer breakers.Close()
	node := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	defer breakers.Hold(node)()
	defer breakers.Hold(muxpool.Node{Network: "tcp", Address: "10.0.0.2:7000"})() // one of two may be out
	_, _ = breakers.Middleware(node)(func(context.Context, any) (any, error) { return nil, errors.New("disk full") })(context.Background(), nil)
	c := <-changed
	fmt.Println(c.Node, "is", c.To, "for", c.RetryAfter)
	// Output: tcp://10.0.0.1:7000 is open for 1s
}

// How many nodes may be out, and what is done when too many are.
func ExampleNewGroup_shares() {
	breakers := breaker.NewGroup(
		breaker.WithMaxEjection(0.3),      // of the live nodes; default half
		breaker.WithPanicThreshold(0.2),   // with fewer than that, a bad node is better than none; default never
		breaker.WithJitter(0.5),           // nodes that went out together come back apart
		breaker.WithForget(5*time.Minute), // of a node that nobody holds any more
		breaker.WithDetectors(breaker.ConsecutiveFailures(1)))
	defer breakers.Close()
	out := 0
	for i := range 10 {
		defer breakers.Hold(muxpool.Node{Network: "tcp", Address: fmt.Sprintf("10.0.0.%d:7000", i)})()
	}
	for i := range 10 {
		node := muxpool.Node{Network: "tcp", Address: fmt.Sprintf("10.0.0.%d:7000", i)}
		_, _ = breakers.Middleware(node)(func(context.Context, any) (any, error) { return nil, errors.New("disk full") })(context.Background(), nil)
		if breakers.Check(node) != nil {
			out++
		}
	}
	fmt.Println(out, "of 10 are out")
	// Output: 3 of 10 are out
}

// What counts against a node is one's own to say: of calls, and of the pool's events.
func ExampleWithClassifier() {
	errCache := errors.New("cache is cold")
	panicked := make(chan *breaker.PanicError, 1)
	breakers := breaker.NewGroup(
		breaker.WithDetectors(breaker.ConsecutiveFailures(1)),
		breaker.WithClassifier(func(ctx context.Context, response any, err error) breaker.Outcome {
			if errors.Is(err, errCache) {
				return breaker.Neutral
			}
			return breaker.DefaultClassifier(ctx, response, err)
		}),
		breaker.WithEventPolicy(func(ev muxpool.Event, healthy int) bool {
			return ev.Kind == muxpool.DialFailed && healthy == 0 || breaker.DefaultEventPolicy(ev, healthy)
		}),
		breaker.WithPanicListener(func(p *breaker.PanicError) { panicked <- p })) // of functions as these
	defer breakers.Close()
	node := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	cold := breakers.Middleware(node)(func(context.Context, any) (any, error) { return nil, errCache })
	for range 2 {
		_, err := cold(context.Background(), nil)
		fmt.Println(err)
	}
	// Output:
	// cache is cold
	// cache is cold
}
