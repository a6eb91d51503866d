package muxpool_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// slowBody takes a slow link five seconds, more than a keepalive and its answer may.
const slowBody = 3 << 20

// slowly hands b to write as a link of 640 KB/s would.
func slowly(b []byte, write func([]byte) (int, error)) (n int, err error) {
	for n < len(b) && err == nil {
		time.Sleep(100 * time.Millisecond) // of bubble time
		var k int
		k, err = write(b[n:min(len(b), n+64<<10)])
		n += k
	}
	return n, err
}

// uphill is a connection whose sending side is slow.
type uphill struct{ net.Conn }

func (u uphill) Write(b []byte) (int, error) { return slowly(b, u.Conn.Write) }

// slowPool is a pool with one connection to peer, slow to send where up is set.
func slowPool(t *testing.T, peer *muxtest.Peer, up bool) *muxpool.Multiplexed {
	return newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(
		func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := peer.DialContext(ctx, network, address)
			if up && err == nil {
				nc = uphill{nc}
			}
			return nc, err
		}))
}

// slowParsers are with and without a keepalive.
var slowParsers = map[string]muxpool.FrameParser{
	"plain": muxtest.Parser{},
	"keepalive": struct {
		muxtest.Parser
		muxtest.Kinds
		muxtest.KeepAlive
	}{},
}

// TestLargeAnswerOnASlowLink: bytes of a frame that is not whole are signs of life.
func TestLargeAnswerOnASlowLink(t *testing.T) {
	for name, parser := range slowParsers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := muxtest.NewPeer(muxtest.Calls(func(c *muxtest.Conn, f muxtest.Frame) {
					f.Kind = muxtest.Answer
					_, _ = slowly(muxtest.AppendFrame(nil, f), c.Write)
				}))
				defer peer.Close()
				pool := slowPool(t, peer, false)
				defer pool.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := muxtest.NewCaller(pool, "tcp", "peer:1", parser).Call(ctx, make([]byte, slowBody)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestLargeRequestOnASlowLink: a keepalive that waits behind it, and calls that do
// until their time is over, say nothing about the peer.
func TestLargeRequestOnASlowLink(t *testing.T) {
	for name, parser := range slowParsers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer := muxtest.NewPeer(nil)
				defer peer.Close()
				pool := slowPool(t, peer, true)
				defer pool.Close()
				caller := muxtest.NewCaller(pool, "tcp", "peer:1", parser)
				large := make(chan error)
				go func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					large <- caller.Call(ctx, make([]byte, slowBody))
				}()
				time.Sleep(50 * time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := caller.Call(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the call behind the large one: %v", err)
				}
				if err := bounded.Receive(t, large); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Second) // the other's frame is on its way
			})
		})
	}
}

// TestFrameThatStaysIncomplete: half a frame, and then nothing or next to nothing,
// is dropped although no call has timed out.
func TestFrameThatStaysIncomplete(t *testing.T) {
	for name, parser := range slowParsers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// No byte comes at the moment of a look, which are 125 ms apart: while it is read the silence is not the peer's.
				peer := muxtest.NewPeer(muxtest.Calls(muxtest.Trickle(190 * time.Millisecond)))
				defer peer.Close()
				pool := slowPool(t, peer, false)
				defer pool.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				err := muxtest.NewCaller(pool, "tcp", "peer:1", parser).Call(ctx, make([]byte, 100))
				if took := time.Since(start); !errors.Is(err, muxpool.ErrConnLost) || took > 3500*time.Millisecond {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}
