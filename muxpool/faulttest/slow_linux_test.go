package faulttest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// slowLinks are requests that take a link longer than a silent peer is given, and longer
// than a write may get nowhere, with the pool's defaults.
var slowLinks = map[string]struct {
	rate   string
	body   int
	parser muxpool.FrameParser
	tls    bool
	rounds int // with MUXPOOL_FULL
	quick  int // without
}{
	"2.5 MB over 5 Mbit, keepalive":         {"5mbit", 2_500_000, world.Alive{}, false, 20, 1},
	"2.5 MB over 5 Mbit, no keepalive":      {"5mbit", 2_500_000, muxtest.Parser{}, false, 20, 1},
	"2.5 MB over 5 Mbit, keepalive, TLS":    {"5mbit", 2_500_000, world.Alive{}, true, 3, 1},
	"0.5 MB over 512 Kbit, no keepalive":    {"512kbit", 500_000, muxtest.Parser{}, false, 3, 1},
	"0.5 MB over 1 Mbit, no keepalive, TLS": {"1mbit", 500_000, muxtest.Parser{}, true, 3, 1},
	"2.5 MB over 1 Mbit, keepalive":         {"1mbit", 2_500_000, world.Alive{}, false, 3, 0},
	"2.5 MB over 1 Mbit, keepalive, TLS":    {"1mbit", 2_500_000, world.Alive{}, true, 3, 0},
}

// TestFaultKernel_SlowLink: a large request over a slow link, and small calls behind it
// that are not answered in their time: nobody is sick, so no connection ends.
func TestFaultKernel_SlowLink(t *testing.T) {
	p := newPKI(t)
	var turn sync.Mutex // of those that make their link: the machine is fast, or the links are not what is slow
	rows := make(map[string]func(*testing.T))
	for name, row := range slowLinks {
		for round := range world.Often(row.rounds, row.quick) {
			rows[fmt.Sprintf("%s, %d", name, round)] = func(t *testing.T) {
				if world.Full {
					bounded.Long(t) // many links, of which some take 20 s
				}
				turn.Lock()
				ready := sync.OnceFunc(turn.Unlock)
				defer ready()
				ns := newNetns(t)
				ns.must("ip link set lo mtu 1500")
				setup := world.Setup{Parser: row.parser, Beside: true, Alone: true, Notices: true, Inside: ns.do, Opts: []muxpool.PoolOption{
					muxpool.WithConnectNumber(1), muxpool.WithMaxFrameSize(4 << 20), muxpool.WithDialTimeout(handshakeTime()), muxpool.WithDialContext(ns.dial)}}
				if row.tls {
					setup.TLS = serverConfig(p.server)
				}
				world.OnSockets(t, setup, func(w *world.World) {
					if row.tls {
						w.Caller.Opts.WithTLSConfig(&tls.Config{RootCAs: p.Pool()})
					}
					slowLink(w, ns, row.rate, row.body, ready)
				})
			}
		}
	}
	world.AtOnce(t, rows)
}

func slowLink(w *world.World, ns *netns, rate string, body int, ready func()) {
	if err := w.Call(); err != nil {
		w.Fatal(err)
	}
	w.Victim.Do(func(c *muxtest.Conn, f muxtest.Frame) {
		f.Body = nil // or the way back would take as long again
		c.Reply(f)
	})
	ns.need("tc qdisc add dev lo root tbf rate " + rate + " burst 16kb latency 400ms")
	ready()
	call := func(d time.Duration, size int) error {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		mc, err := w.Caller.Get(ctx)
		if err != nil {
			return err
		}
		defer mc.Close()
		c := muxtest.NewCall(mc, make([]byte, size))
		if err := mc.Write(muxtest.AppendFrame(nil, c)); err != nil {
			return err
		}
		c.Body = nil
		return muxtest.Expect(mc, c)
	}
	large := make(chan error, 1)
	start := time.Now()
	go func() { large <- call(w.Allowed(time.Minute), body) }()
	late := 0
	for landed := false; !landed; {
		select {
		case err := <-large:
			if landed = true; err != nil {
				w.Errorf("after %v: %v", time.Since(start), err)
			}
		case <-time.After(100 * time.Millisecond):
			if err := call(300*time.Millisecond, 0); errors.Is(err, context.DeadlineExceeded) {
				late++
			} else if err != nil {
				w.Errorf("a call behind the large one: %v", err)
			}
		}
	}
	if took := time.Since(start); late == 0 || took < linkTime(rate, body) { // how many are late, the machine decides
		w.Errorf("%v, %d calls were late: that was no slow link", took, late)
	}
	if downs := w.Heard(muxpool.ConnDown); len(downs) > 0 {
		w.Errorf("connections ended: %v", downs)
	}
	w.Logf("%d bytes in %v, %d calls late", body, time.Since(start), late)
}

// linkTime is how long a link of that rate takes for so many bytes at least.
func linkTime(rate string, bytes int) time.Duration {
	var n int
	var unit string
	fmt.Sscanf(rate, "%d%s", &n, &unit)
	perSecond := n * map[string]int{"kbit": 1e3, "mbit": 1e6}[unit] / 8
	return time.Duration(bytes) * time.Second / time.Duration(perSecond) * 9 / 10 // it lets some through at once
}

// handshakeTime is the dial timeout of the rows of slow links, and of names. Full runs have the default. The
// others share a machine with all that CI does beside them, and it is not the handshake that they ask about.
func handshakeTime() time.Duration {
	if world.Full {
		return 0
	}
	return time.Minute
}
