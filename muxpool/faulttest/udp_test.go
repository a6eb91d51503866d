package faulttest_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func onUDP(t *testing.T, s world.Setup, story func(*world.World)) {
	t.Helper()
	world.OnNetwork(t, "udp", s, story)
}

func init() { silences["UDP loss"] = udpLoss }

// udpLoss: 20% of the answers are lost, 20% come twice, 10% out of order.
func udpLoss(t *testing.T) {
	var dropped atomic.Int64
	lossy := muxtest.Chaos(1,
		muxtest.Choice{Weight: 50, Do: muxtest.Echo},
		muxtest.Choice{Weight: 20, Do: func(*muxtest.Conn, muxtest.Frame) { dropped.Add(1) }},
		muxtest.Choice{Weight: 20, Do: muxtest.Duplicate},
		muxtest.Choice{Weight: 10, Do: muxtest.Delay(5 * time.Millisecond)})
	onUDP(t, world.Setup{Parser: world.Classified{}, Act: lossy, Beside: true}, func(w *world.World) {
		const calls = 100 // no more than the sockets' buffers take
		for all := calls; all <= 4*calls; all += calls {
			ctx, cancel := context.WithCancel(w.Context())
			f := &world.Flight{Errs: make([]error, calls)}
			for i := range f.Errs {
				f.WG.Go(func() { f.Errs[i] = w.Tally.Call(ctx, w.Caller, nil) })
			}
			w.Until(time.Second, "all answers but for those that are lost", func() bool {
				return w.Victim.Stats().Calls == all && w.Tally.OK() == all-int(dropped.Load())
			})
			cancel()
			for _, err := range f.Land() {
				w.WantError(err, context.Canceled, true)
			}
		}
		if n := dropped.Load(); n < 40 || n > 120 {
			w.Errorf("%d of 400 answers were lost, want about 80", n)
		}
		w.Until(time.Second, "duplicates are counted", func() bool {
			s := w.Node()
			return s.Duplicate+s.Unknown+s.Late >= 50
		})
	})
}

// TestFault_UDPBadDatagram: bytes that are no frame are counted, and end nothing.
func TestFault_UDPBadDatagram(t *testing.T) {
	bad := func(c *muxtest.Conn, f muxtest.Frame) {
		muxtest.Garbage(c, f)
		c.Write(nil)
		muxtest.HugeLength(c, f)
		c.Write(muxtest.AppendFrame(nil, muxtest.Frame{ID: f.ID, Body: []byte("cut off")})[:muxtest.HeaderLen+2])
		c.Write(make([]byte, 60<<10))
		c.Reply(f)
	}
	onUDP(t, world.Setup{Act: bad, Opts: world.OneConn}, func(w *world.World) {
		for range 10 {
			if err := w.Call(); err != nil {
				w.Fatal(err)
			}
		}
		if s := w.Node(); s.Malformed < 40 {
			w.Errorf("%d malformed datagrams counted, want at least 40", s.Malformed)
		}
		if s := w.Victim.Stats(); s.Accepted != 1 {
			w.Errorf("%d sockets, want one", s.Accepted)
		}
	})
}

// TestFault_UDPSpoof: a datagram from elsewhere is never taken for the answer.
func TestFault_UDPSpoof(t *testing.T) {
	onUDP(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		hold := w.Hold()
		mc := w.Get(context.Background())
		defer mc.Close()
		call := muxtest.NewCall(mc, nil)
		if err := mc.Write(muxtest.AppendFrame(nil, call)); err != nil {
			w.Fatal(err)
		}
		w.Until(time.Second, "the call at the peer", func() bool { return hold.Len() == 1 })
		spoof, err := net.Dial("udp", mc.LocalAddr().String())
		if err != nil {
			w.Fatal(err)
		}
		defer spoof.Close()
		for range 10 {
			spoof.Write(muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.Answer, ID: call.ID, Nonce: ^call.Nonce}))
		}
		hold.Release(nil)
		if err := muxtest.Expect(mc, call); err != nil {
			w.Error(err)
		}
	})
}

// TestFault_UDPTooLarge: a request larger than a datagram is refused.
func TestFault_UDPTooLarge(t *testing.T) {
	onUDP(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		mc := w.Get(context.Background())
		defer mc.Close()
		w.WantError(mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, 66_000)))), muxpool.ErrFrameTooLarge, false)
		if err := muxtest.Exchange(mc, make([]byte, 60_000)); err != nil {
			w.Error(err)
		}
	})
}

// TestFault_UDPPeerRestarts: a port that nobody listens on answers with ICMP; the
// socket survives it, or is replaced.
func TestFault_UDPPeerRestarts(t *testing.T) {
	onUDP(t, world.Setup{}, func(w *world.World) {
		recovers := func() {
			w.Until(time.Second, "a call succeeds again", func() bool { // datagrams may be lost meanwhile
				return w.CallFor(100*time.Millisecond) == nil
			})
		}
		for range 5 {
			recovers()
			w.Victim.Down()
			w.CallFor(20 * time.Millisecond)
			if err := w.Victim.Up(); err != nil {
				w.Fatal(err)
			}
		}
		recovers()
	})
}

// TestFault_UDPUnresolvable: the predecessor's process ended here.
func TestFault_UDPUnresolvable(t *testing.T) {
	onUDP(t, world.Setup{}, func(w *world.World) {
		for _, address := range []string{"host.invalid:1", "127.0.0.1", "127.0.0.1:no-such-port", ":::1"} {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			err := w.Tally.Call(ctx, muxtest.NewCaller(w.Pool, "udp", address, muxtest.Parser{}), nil)
			cancel()
			if !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) && !errors.Is(err, context.DeadlineExceeded) {
				w.Errorf("a call to %q: %v", address, err)
			}
		}
	})
}

func TestFault_UDP10000Calls(t *testing.T) {
	onUDP(t, world.Setup{Parser: world.Classified{}}, func(w *world.World) {
		for range 100 {
			if failed := w.Calls(100, 10*time.Second).Land(); len(failed) > 0 {
				w.Fatal(failed[0])
			}
		}
	})
}
