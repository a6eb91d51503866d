package troubletest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport/native"
)

// short is the time of a call that has too little.
const short = 50 * time.Millisecond

var late = []trouble{
	{
		what: "the deadline passes while the node is dialed",
		make: func(t *testing.T) error {
			p := pool(t, muxpool.WithDialTimeout(time.Hour))
			node, secure := peer(t, silence), withTLS(trusting(authority(t)))
			return until(t, func() error { return call(within(t, short), p, node, "Echo", 1, secure) }, "not connected")
		},
		means: "the caller's time was over before there was a connection; the dial goes on for the next call",
		do:    "more time; `WithDialTimeout` is the pool's own bound. `Sent()` is false: whatever the call does, it may be repeated",
	}, {
		what: "the deadline passes while a node that refuses is dialed again and again",
		make: func(t *testing.T) error {
			p := pool(t, muxpool.WithReconnect(1000, time.Hour, time.Hour))
			node := peer(t, answerOnce)
			if err := call(inTime(t), p, node, "Echo", 1); err != nil {
				t.Fatal(err)
			}
			_ = call(inTime(t), p, node, "Echo", 1) // the connection is lost with it, and redialed
			return until(t, func() error { return call(within(t, short), p, node, "Echo", 1) }, "not connected")
		},
		means: "likewise; what became of the last connection stands behind it",
		do:    "what it says there",
	}, {
		what: "the deadline passes while all connections are full",
		make: func(t *testing.T) error {
			p := pool(t, muxpool.WithMaxVirConnsPerConn(1))
			node, stop := hanging(t, p)
			defer func() { _ = stop() }()
			return until(t, func() error { return call(within(t, short), p, node, "Hang", 1) }, "were full")
		},
		means: "the pool or the server allows no more calls on a connection, and those that were there have taken too long",
		do:    "`WithMaxIdleConnsPerHost` lets a node open more, up to `WithMaxConnsPerHost`; `WithConnectNumber`; `WithMaxVirConnsPerConn`, the server's `ServiceMaxInFlight`",
	}, {
		what: "the deadline passes after the request was sent",
		make: func(t *testing.T) error {
			node := peer(t, requests(func(_ int, _ uint32) ([]byte, bool) { return nil, true }))
			p := pool(t)
			return until(t, func() error { return call(within(t, short), p, node, "Hang", 1) }, "read: context")
		},
		means: "the method is slow, or the way to it is: nobody can tell, and nobody knows whether it has run",
		do:    "the server's own metrics tell whether the call has arrived; more time; `Spec{Idempotent: true}`",
	}, {
		what: "the deadline passes on the server",
		make: func(t *testing.T) error {
			node := service(t, native.Protocol{}, context.DeadlineExceeded)
			return call(inTime(t), pool(t), node, "Fail", 1)
		},
		means: "the server says that its time was over, or that of a call from there",
		do:    "as above",
	}, {
		what: "the caller has left",
		make: func(t *testing.T) error {
			_, leave := hanging(t, pool(t))
			return leave()
		},
		means: "its context was canceled: the server is told, where the protocol can",
		do:    "nothing, unless nobody should have left: who cancels the context? `context.Cause` tells why",
	},
}

func contains(err error, says string) bool { return strings.Contains(err.Error(), says) }

var errOut = errors.New("being upgraded")
