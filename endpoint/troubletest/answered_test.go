package troubletest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

var answered = []trouble{
	{
		what: "a method that the server does not have",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t), service(t, native.Protocol{}, nil), "Length", 1)
		},
		means: "the server was reached, and has no such method; an idempotent call or not, it is tried on other nodes",
		do:    "the names on both sides; during a deploy, an older node. `muxcall list` tells what a node has",
	}, {
		what: "a method that the server does not have, in tRPC",
		make: func(t *testing.T) error {
			_, err := client(pool(t), service(t, trpc.Protocol{}, nil), trpc.Protocol{}, "/s/Length").Endpoint()(inTime(t), []byte("x"))
			return err
		},
		means: "likewise",
		do:    "likewise; tRPC's names are `/package.Service/Method`",
	}, {
		what: "the caller's credentials are refused",
		make: func(t *testing.T) error {
			return failing(t, &transport.Error{Code: transport.CodeUnauthenticated, Message: "the token has expired"})
		},
		means: "the server does not know who calls. No node is held to be sick for that, and none is tried after it",
		do:    "the credentials. Errors of go-kit's `auth/jwt` need a rule on the server: [judgement.md](judgement.md#errors-of-other-packages)",
	}, {
		what: "the caller may not do that",
		make: func(t *testing.T) error {
			return failing(t, &transport.Error{Code: transport.CodePermissionDenied, Message: "for operators only"})
		},
		means: "the server knows who calls",
		do:    "the rights of the caller",
	}, {
		what: "the request cannot be decoded",
		make: func(t *testing.T) error {
			s := transport.NewService(native.Protocol{})
			s.Handle("Sum", transport.NewServer(func(_ context.Context, r any) (any, error) { return r, nil },
				transport.DecodeJSON[struct{ A, B int }], transport.EncodeJSON))
			return call(inTime(t), pool(t), run(t, s), "Sum", 3)
		},
		means: "the body is not what the server's decode function reads; the call was not run",
		do:    "both sides' codecs and types",
	}, {
		what: "the answer cannot be decoded",
		make: func(t *testing.T) error {
			c := transport.NewClient(pool(t), service(t, native.Protocol{}, nil), native.Protocol{}, "Echo",
				transport.EncodeBytes, transport.DecodeJSON[struct{ A, B int }])
			_, err := c.Endpoint()(inTime(t), []byte("<html>"))
			return err
		},
		means: "the call was run, and its answer is not what this side's decode function reads",
		do:    "likewise",
	}, {
		what:  "the business says no",
		make:  func(t *testing.T) error { return failing(t, transport.Business(402, "no money")) },
		means: "the service works, and its answer is no; a response that is an `endpoint.Failer` comes as a response instead",
		do:    "what the service says",
	}, {
		what:  "the endpoint fails",
		make:  func(t *testing.T) error { return failing(t, errors.New("the disk is full")) },
		means: "an error that says nothing of itself counts against the method on that node",
		do:    "the server's log; give errors a code: [judgement.md](judgement.md)",
	}, {
		what: "the endpoint panics",
		make: func(t *testing.T) error {
			s := transport.NewService(native.Protocol{})
			s.Handle("Sum", transport.NewServer(func(context.Context, any) (any, error) { panic("nil map") }, transport.DecodeBytes, transport.EncodeBytes))
			return call(inTime(t), pool(t), run(t, s), "Sum", 1)
		},
		means: "that call alone has failed, and the client is told nothing of the panic",
		do:    "`ServerErrorHandler` hears of it, with its stack",
	}, {
		what: "the server's rate limiter turns the call away",
		make: func(t *testing.T) error {
			s := transport.NewService(native.Protocol{})
			s.Handle("Sum", transport.NewServer(func(_ context.Context, r any) (any, error) { return r, nil }, transport.DecodeBytes, transport.EncodeBytes,
				transport.ServerMiddleware(ratelimit.NewErroringLimiter(never{}))))
			return call(inTime(t), pool(t), run(t, s), "Sum", 1)
		},
		means: "the server is well, and takes no more of these; load moves to other nodes",
		do:    "the limiter's rate; more servers",
	}, {
		what: "a server says when to come back",
		make: func(t *testing.T) error {
			return failing(t, &transport.Error{Code: transport.CodeUnavailable, Message: "warming up", RetryAfter: time.Second})
		},
		means: "new calls of that method go to other nodes until then, for 5 s at most; where there are none they go there all the same",
		do:    "wait; an idempotent call of a Set does so by itself, or goes elsewhere",
	}, {
		what: "a server cannot reach the one behind it",
		make: func(t *testing.T) error {
			_, err := client(pool(t), nobody(t), native.Protocol{}, "Stock").Endpoint()(inTime(t), []byte("x"))
			return failing(t, err)
		},
		means: "the server was reached, and what it needs was not: its words follow, without addresses of its own network",
		do:    "the same call from there; the server's log has the addresses",
	},
}

// failing is the end of a call whose endpoint ends with an error.
func failing(t *testing.T, err error) error {
	t.Helper()
	return call(inTime(t), pool(t), service(t, native.Protocol{}, err), "Fail", 1)
}

// never allows nothing.
type never struct{}

func (never) Allow() bool { return false }

var local = []trouble{
	{
		what: "a call after the pool's Close",
		make: func(t *testing.T) error {
			p, node := pool(t), service(t, native.Protocol{}, nil)
			p.Close()
			return call(inTime(t), p, node, "Echo", 1)
		},
		means: "this process is shutting down, or closes its pool too early",
		do:    "the order of [the shutdown](getting-started.md#shutdown): the pool is the last",
	}, {
		what: "the pool is closed under a call",
		make: func(t *testing.T) error {
			p := pool(t)
			_, end := hanging(t, p)
			p.Close()
			return end()
		},
		means: "likewise, and the call was on its way",
		do:    "`Shutdown` waits for calls, `Close` does not",
	}, {
		what: "a call after the Set's Close",
		make: func(t *testing.T) error {
			s := muxendpoint.NewSet(sd.FixedInstancer{"127.0.0.1:1"}, nil)
			call := s.Endpoint("Echo", clients(pool(t), "Echo"))
			s.Close()
			_, err := call(inTime(t), []byte("x"))
			return err
		},
		means: "likewise",
		do:    "likewise",
	}, {
		what: "the request cannot be encoded",
		make: func(t *testing.T) error {
			c := transport.NewClient(pool(t), service(t, native.Protocol{}, nil), native.Protocol{}, "Echo", transport.EncodeJSON, transport.DecodeBytes)
			_, err := c.Endpoint()(inTime(t), make(chan int))
			return err
		},
		means: "nothing was sent",
		do:    "the request's type, the encode function",
	}, {
		what: "an option that makes no sense",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t), muxpool.Node{Network: "tcp", Address: "127.0.0.1:1"}, "Echo", 1, transport.ClientTimeout(-time.Second))
		},
		means: "it is refused once, when it is given (`New`, `Err`), and then by every call; the text names it and its value",
		do:    "correct it",
	}, {
		what: "a network that the pool does not know",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t), muxpool.Node{Network: "sctp", Address: "127.0.0.1:1"}, "Echo", 1)
		},
		means: "the pool knows tcp and udp, with their variants, and unix",
		do:    "what the node parser makes of the instances",
	},
}
