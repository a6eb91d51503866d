package interop

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// unparseable is a frame with this id whose head no protobuf library reads.
func unparseable(id uint32) []byte {
	frame := []byte{0x09, 0x30, 0, 0, 0, 0, 0, 19, 0, 3, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff}
	binary.BigEndian.PutUint32(frame[10:], id)
	return frame
}

// The real server answers it by the header's id alone, and goes on.
func TestToServerUnparseableHead(t *testing.T) {
	c := newCaller(t, nil, muxpool.WithConnectNumber(1))
	mc := c.Frames()
	if err := mc.Write(unparseable(mc.VID())); err != nil {
		t.Fatal(err)
	}
	frame, err := mc.Read()
	if err != nil {
		t.Fatal(err)
	}
	var e *transport.Error
	if err := ours.ParseResponse(frame, new(transport.Message)); !errors.As(err, &e) || e.Code != transport.CodeInvalidArgument || e.Status != 1 {
		t.Errorf("the answer is %v", err)
	}
	c.Must("Echo", nonce())
	c.DialedOnce()
}

// The real server closes the connection without a word: the call says so, and the
// next one gets a new connection.
func TestToServerFramesThatEndTheConnection(t *testing.T) {
	wrongMagic := unparseable(1)
	wrongMagic[0]++
	tooLong := unparseable(1)
	binary.BigEndian.PutUint32(tooLong[4:], trpc.DefaultMaxFrame+1)
	for name, frame := range map[string][]byte{"wrong magic": wrongMagic, "over 10 MiB": tooLong} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, nil, muxpool.WithConnectNumber(1))
			mc := c.Frames()
			if err := mc.Write(frame); err != nil {
				t.Fatal(err)
			}
			_, err := mc.Read()
			var e *muxpool.Error
			if !errors.Is(err, muxpool.ErrConnLost) || !errors.As(err, &e) || !e.Sent() {
				t.Errorf("Read gives %v", err)
			}
			c.Must("Echo", nonce())
		})
	}
}

// events gathers what a pool tells.
func events(t *testing.T, pool *muxpool.Multiplexed) <-chan muxpool.Event {
	heard := make(chan muxpool.Event, 1024)
	t.Cleanup(pool.Subscribe(func(ev muxpool.Event) { heard <- ev }))
	return heard
}

// next waits for an event of a kind.
func next(t *testing.T, heard <-chan muxpool.Event, kind muxpool.EventKind) muxpool.Event {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case ev := <-heard:
			if ev.Kind == kind {
				return ev
			}
		case <-late:
			t.Fatalf("no %v", kind)
		}
	}
}

// The server closes connections that were idle, after a second instead of its 60:
// nobody fails, and no breaker opens.
func TestToServerIdleClose(t *testing.T) {
	bothTransports(t, func(t *testing.T, args []string) {
		const conns = 2
		c := newCaller(t, append(args, "-idle=1s"), muxpool.WithConnectNumber(conns))
		heard := events(t, c.Pool)
		breakers := breaker.NewGroup(breaker.WithDetectors(breaker.ConsecutiveFailures(1)))
		defer breakers.Close()
		defer breakers.Watch(c.Pool)()
		echo := breakers.Middleware(c.Node)(c.Client("Echo").Endpoint())
		call := func() {
			t.Helper()
			body := nonce()
			if got, err := echo(t.Context(), body); err != nil || got != body {
				t.Fatalf("Echo gives %q, %v", got, err)
			}
		}
		for range 2 {
			call()
			for range conns {
				if ev := next(t, heard, muxpool.ConnDown); ev.Reason != muxpool.ReasonPeerClosed || ev.Reason.Failure() {
					t.Fatalf("the connection ended otherwise: %v", ev)
				}
			}
		}
		call()
		status, _ := breakers.StatusOf(c.Node)
		if status.State != breaker.Closed || status.Ejections != 0 || status.Totals.Failures != 0 || status.Totals.Successes != 3 {
			t.Errorf("the breaker is %+v", status)
		}
	})
}

// A call that timed out is never answered. Without a sign of life the connection
// counts as stalled, with one it stays.
func TestToServerKeepAlive(t *testing.T) {
	t.Run("without", func(t *testing.T) {
		c := newCaller(t, nil, muxpool.WithConnectNumber(1), muxpool.WithStallTimeout(500*time.Millisecond))
		heard := events(t, c.Pool)
		for {
			c.timeOut(ours)
			select {
			case ev := <-heard:
				switch {
				case ev.Kind != muxpool.ConnDown:
				case ev.Reason == muxpool.ReasonStalled:
					return
				default:
					t.Fatal(ev)
				}
			default:
			}
		}
	})
	t.Run("with", func(t *testing.T) {
		c := newCaller(t, nil, muxpool.WithConnectNumber(1), muxpool.WithKeepAlive(3*time.Second), muxpool.WithStallTimeout(patience))
		heard := events(t, c.Pool)
		for answered := uint64(0); answered < 2; { // the pings are all that can be
			c.timeOut(trpc.KeepAlive{Protocol: ours})
			for _, n := range c.Pool.Stats().Nodes {
				for _, conn := range n.Conns {
					answered = conn.Frames
				}
			}
		}
		for len(heard) > 0 {
			if ev := bounded.Receive(t, heard); ev.Kind == muxpool.ConnDown {
				t.Error(ev)
			}
		}
	})
}

// timeOut makes a call that times out, or sees the connection end for that.
func (c caller) timeOut(p transport.Protocol) {
	c.T.Helper()
	client := transport.NewClient(c.Pool, c.Node, p, Service+"Hold", transport.EncodeBytes, transport.DecodeBytes,
		transport.ClientTimeout(20*time.Millisecond))
	var e *transport.Error
	_, err := client.Endpoint()(c.T.Context(), []byte(nonce()))
	if !errors.As(err, &e) || e.Code != transport.CodeDeadlineExceeded && !errors.Is(err, muxpool.ErrStalled) {
		c.T.Fatalf("the call gives %v", err)
	}
}
