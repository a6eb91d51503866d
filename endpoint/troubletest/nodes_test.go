package troubletest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

var chosen = []trouble{
	{
		what: "discovery names no node",
		make: func(t *testing.T) error {
			_, err := set(t, sd.FixedInstancer{}, muxendpoint.WithoutWait())(inTime(t), []byte("x"))
			return err
		},
		means: "the list is empty",
		do:    "the instancer's own log, the name it asks for",
	}, {
		what: "discovery names only what is no node",
		make: func(t *testing.T) error {
			_, err := set(t, sd.FixedInstancer{"sum-0", "sum-1"}, muxendpoint.WithoutWait())(inTime(t), []byte("x"))
			return err
		},
		means: "no instance of the list can be read; the text tells of the first",
		do:    "`WithNodeParser` reads others than `host:port`; the Set's log names each instance that is left out",
	}, {
		what: "discovery fails",
		make: func(t *testing.T) error {
			_, err := set(t, failingInstancer{}, muxendpoint.WithoutWait())(inTime(t), []byte("x"))
			return err
		},
		means: "the discovery system has not told any node yet; what it said instead follows. Nodes that were known are kept",
		do:    "what the text says; `WithKeepNodes`",
	}, {
		what: "no node in all the time that the call had",
		make: func(t *testing.T) error {
			_, err := set(t, sd.FixedInstancer{})(within(t, short), []byte("x"))
			return err
		},
		means: "the call has waited for a node that takes calls; why none did follows",
		do:    "what follows; `WithWait` bounds the wait, `WithoutWait` switches it off",
	}, {
		what: "the breakers of all nodes are open",
		make: func(t *testing.T) error {
			g := group(t)
			node := nobody(t)
			call := set(t, sd.FixedInstancer{node.Address}, muxendpoint.WithBreakers(g), muxendpoint.WithoutWait())
			g.Trip(node, errors.New("5 failures in a row"))
			_, err := call(inTime(t), []byte("x"))
			return err
		},
		means: "each node is out for the reason that follows it, and tried again by then",
		do:    "the reasons; `breakers.Status()`; [breaker.md](breaker.md)",
	}, {
		what: "the only node is lost, and out",
		make: func(t *testing.T) error {
			p, g := pool(t), group(t)
			defer g.Watch(p)()
			node := nobody(t)
			call := setOver(t, p, sd.FixedInstancer{node.Address}, muxendpoint.WithBreakers(g), muxendpoint.WithoutWait())
			return until(t, func() error { _, err := call(inTime(t), []byte("x")); return err }, "are out")
		},
		means: "the pool has given the node up, and its breaker has opened for that",
		do:    "as for the cause",
	}, {
		what: "the node is drained",
		make: func(t *testing.T) error {
			node := service(t, native.Protocol{}, nil)
			s := muxendpoint.NewSet(sd.FixedInstancer{node.Address}, nil, muxendpoint.WithoutWait())
			t.Cleanup(s.Close)
			echo := s.Endpoint("Echo", clients(pool(t), "Echo"))
			if err := s.Drain(node, errOut); err != nil {
				t.Fatal(err)
			}
			_, err := echo(inTime(t), []byte("x"))
			return err
		},
		means: "an operator has ordered that it gets no new calls, and why",
		do:    "`Undrain`, or the button of [the page for operators](telemetry.md#a-page-for-operators)",
	}, {
		what: "too many calls wait for a node",
		make: func(t *testing.T) error {
			call := set(t, sd.FixedInstancer{}, muxendpoint.WithMaxWaiting(1))
			ctx, cancel := context.WithCancel(inTime(t))
			done := make(chan error, 2)
			for range cap(done) { // the second of them to come
				go func() { _, err := call(ctx, []byte("x")); done <- err }()
			}
			err := bounded.Receive(t, done)
			cancel()
			bounded.Receive(t, done)
			return err
		},
		means: "no node takes calls, and as many wait as `WithMaxWaiting` allows, default 1024",
		do:    "why no node does; less load",
	}, {
		what: "a call that may have run, and is not declared idempotent",
		make: func(t *testing.T) error {
			node := peer(t, answerOnce)
			call := set(t, sd.FixedInstancer{node.Address}, muxendpoint.WithRetry(3, 10*time.Second))
			if _, err := call(inTime(t), []byte("x")); err != nil {
				t.Fatal(err)
			}
			_, err := call(inTime(t), []byte("x"))
			return err
		},
		means: "it is not repeated: it might run twice",
		do:    "`Spec{Idempotent: true}`, if that is true of the method",
	}, {
		what: "an idempotent call that fails each time",
		make: func(t *testing.T) error {
			node := service(t, native.Protocol{}, &transport.Error{Code: transport.CodeInternal, Message: "the disk is full"})
			s := muxendpoint.NewSet(sd.FixedInstancer{node.Address}, nil, muxendpoint.WithoutBudget())
			t.Cleanup(s.Close)
			call := s.Endpoint("Fail", clients(pool(t), "Fail"), muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: true}),
				muxendpoint.WithRetry(3, 10*time.Second), muxendpoint.WithBackoff(time.Millisecond, time.Millisecond))
			_, err := call(inTime(t), []byte("x"))
			return err
		},
		means: "all attempts are used up; those at one node that came to the same end stand together",
		do:    "what the attempts say",
	}, {
		what: "too many calls fail for retries to help",
		make: func(t *testing.T) error {
			node := service(t, native.Protocol{}, &transport.Error{Code: transport.CodeInternal, Message: "the disk is full"})
			budget := muxendpoint.NewBudget(0.1, 0)
			s := muxendpoint.NewSet(sd.FixedInstancer{node.Address}, nil, muxendpoint.WithBudget(budget))
			t.Cleanup(s.Close)
			call := s.Endpoint("Fail", clients(pool(t), "Fail"), muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: true}),
				muxendpoint.WithRetry(3, 10*time.Second), muxendpoint.WithBackoff(time.Millisecond, time.Millisecond))
			return until(t, func() error { _, err := call(inTime(t), []byte("x")); return err }, "budget")
		},
		means: "further attempts at calls that may have run are a tenth of the calls, by default, and ten to begin with",
		do:    "what the attempts say; `WithBudget`",
	},
}

func group(t *testing.T) *breaker.Group {
	t.Helper()
	g := breaker.NewGroup()
	t.Cleanup(g.Close)
	return g
}

// set is the endpoint of Echo, of a Set of its own.
func set(t *testing.T, instancer sd.Instancer, opts ...muxendpoint.Option) endpoint.Endpoint {
	t.Helper()
	return setOver(t, pool(t), instancer, opts...)
}

func setOver(t *testing.T, p muxpool.Pool, instancer sd.Instancer, opts ...muxendpoint.Option) endpoint.Endpoint {
	t.Helper()
	s := muxendpoint.NewSet(instancer, nil, opts...)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.Endpoint("Echo", clients(p, "Echo"))
}

// clients makes native Clients of a method over a pool.
func clients(p muxpool.Pool, method string) func(transport.Node) *transport.Client {
	return func(n transport.Node) *transport.Client { return client(p, n, native.Protocol{}, method) }
}

// failingInstancer is a discovery system that cannot be reached.
type failingInstancer struct{}

func (failingInstancer) Register(events chan<- sd.Event) {
	events <- sd.Event{Err: errors.New("etcd: no leader")}
}
func (failingInstancer) Deregister(chan<- sd.Event) {}
func (failingInstancer) Stop()                      {}
