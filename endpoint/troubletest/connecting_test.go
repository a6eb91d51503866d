package troubletest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

var connecting = []trouble{
	{
		what:  "nothing listens at the port",
		make:  func(t *testing.T) error { return call(inTime(t), pool(t), nobody(t), "Echo", 1) },
		means: "the host is there and has refused the connection; the pool has given the node up, and the next call tries again",
		do:    "is the process up, and is the port that discovery names the right one?",
	}, {
		what: "there is no such socket",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t), muxpool.Node{Network: "unix", Address: "no-such.sock"}, "Echo", 1)
		},
		means: "no process has made the socket's file, or it is elsewhere",
		do:    "is the process up; is the path the one that it listens at?",
	}, {
		what: "nothing listens at the port, over UDP",
		make: func(t *testing.T) error {
			p, node := pool(t), muxpool.Node{Network: "udp", Address: nobody(t).Address}
			return until(t, func() error { return call(within(t, short), p, node, "Echo", 1) }, "read: ")
		},
		means: "over UDP nothing tells whether anybody is there: the call has waited in vain",
		do:    "as for the first row; `Counters.Refused` counts what the host has said meanwhile",
	}, {
		what: "a host that nobody knows",
		make: func(t *testing.T) error {
			p := pool(t, muxpool.WithDialContext(asking(nameServer(t, 3))))
			return call(inTime(t), p, muxpool.Node{Network: "tcp", Address: "sum.internal:8080"}, "Echo", 1)
		},
		means: "the name server has said that there is no such name",
		do:    "the spelling; the namespace and the search list of a cluster",
	}, {
		what: "the name server cannot answer",
		make: func(t *testing.T) error {
			p := pool(t, muxpool.WithDialContext(asking(nameServer(t, 2))))
			return call(inTime(t), p, muxpool.Node{Network: "tcp", Address: "sum.internal:8080"}, "Echo", 1)
		},
		means: "the name may be right: whoever resolves it is in trouble",
		do:    "the name server's own log; with addresses from discovery nobody needs it",
	}, {
		what: "a host that says nothing",
		make: func(t *testing.T) error {
			p, node := pool(t, muxpool.WithDialTimeout(50*time.Millisecond), muxpool.WithDialContext(unheard)), nobody(t)
			return until(t, func() error { return call(inTime(t), p, node, "Echo", 1) }, "i/o timeout")
		},
		means: "neither the host nor anything before it has answered within the dial timeout",
		do:    "is the host down, or does a firewall drop packets? an address that has gone: what does discovery say? `WithDialTimeout`, default 1 s",
	}, {
		what: "a host that answers, and no handshake in time",
		make: func(t *testing.T) error {
			p, node := pool(t, muxpool.WithDialTimeout(50*time.Millisecond)), peer(t, silence)
			return until(t, func() error { return call(inTime(t), p, node, "Echo", 1, withTLS(trusting(authority(t)))) }, "handshake: ")
		},
		means: "the dial timeout was over before the connection, with its handshakes, was ready",
		do:    "a process that is stopped, or too busy? `WithDialTimeout`, default 1 s",
	}, {
		what: "a peer that accepts and hangs up",
		make: func(t *testing.T) error {
			node := peer(t, func(nc net.Conn) { _, _ = io.ReadFull(nc, make([]byte, 16)) })
			return call(inTime(t), pool(t), node, "Echo", 1)
		},
		means: "the connection has ended before anything came on it",
		do:    "a balancer without backends, a process that crashes at once; TLS or another protocol on that port: see below",
	}, {
		what: "the process at the other end is killed",
		make: func(t *testing.T) error {
			node := peer(t, answerOnce)
			p := pool(t)
			if err := call(inTime(t), p, node, "Echo", 1); err != nil {
				t.Fatal(err)
			}
			return call(inTime(t), p, node, "Echo", 1)
		},
		means: "the connection was lost after it had worked, with the call on it",
		do:    "did the process crash, or its machine? Declare calls that may be sent twice: `Spec{Idempotent: true}`",
	}, {
		what: "a process that is stopped, or a cable that is cut",
		make: func(t *testing.T) error {
			return call(inTime(t), pool(t, muxpool.WithKeepAlive(50*time.Millisecond)), peer(t, silence), "Echo", 1)
		},
		means: "the connection stands, and nothing has come on it for too long while calls waited",
		do:    "is the process stopped, overloaded, or behind a path that drops packets? `WithKeepAlive`",
	}, {
		what: "calls time out, and nothing else arrives",
		make: func(t *testing.T) error {
			node := peer(t, silence)
			p := pool(t, muxpool.WithKeepAlive(time.Hour), muxpool.WithStallTimeout(100*time.Millisecond))
			stays := make(chan error, 1)
			go func() { stays <- call(inTime(t), p, node, "Echo", 1) }()
			for {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
				_ = call(ctx, p, node, "Echo", 1)
				cancel()
				select {
				case err := <-stays:
					return err
				default:
				}
			}
		},
		means: "as above, found by calls that timed out one after the other",
		do:    "as above; `WithStallTimeout`",
	},
}

// unheard is a dial function to a host that drops packets: this is what net.Dialer says of one.
func unheard(ctx context.Context, network, address string) (net.Conn, error) {
	host, err := net.ResolveTCPAddr(network, address)
	if err != nil {
		return nil, err
	}
	<-ctx.Done()
	return nil, &net.OpError{Op: "dial", Net: network, Addr: host, Err: os.ErrDeadlineExceeded}
}

// nameServer answers every question with a code of RFC 1035, 4.1.1.
func nameServer(t *testing.T, code byte) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		question := make([]byte, 512)
		for {
			n, from, err := pc.ReadFrom(question)
			if err != nil {
				return
			}
			answer := append([]byte(nil), question[:n]...)
			binary.BigEndian.PutUint16(answer[2:], 0x8180|uint16(code))
			binary.BigEndian.PutUint16(answer[10:], 0) // nothing beside the question
			_, _ = pc.WriteTo(answer[:questionEnd(answer)], from)
		}
	}()
	t.Cleanup(func() { pc.Close(); bounded.Receive(t, done) })
	return pc.LocalAddr().String()
}

// questionEnd is behind the one question of a message.
func questionEnd(message []byte) int {
	i := 12
	for message[i] != 0 {
		i += 1 + int(message[i])
	}
	return i + 5
}

// asking is a dial function that asks one name server.
func asking(server string) func(ctx context.Context, network, address string) (net.Conn, error) {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server)
	}}
	return (&net.Dialer{Resolver: resolver}).DialContext
}
