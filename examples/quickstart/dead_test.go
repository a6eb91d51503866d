package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestDeadNode kills a node under load and then listens in its place: until the pool
// could connect again no call comes there that is no probe.
func TestDeadNode(t *testing.T) {
	muxtest.CheckLeaks(t)
	nodes, c := startThree(t)
	victim := muxpool.Node{Network: "tcp", Address: nodes[1].address}
	changes := make(chan breaker.Change, 64)
	c.breakers.Subscribe(func(ch breaker.Change) {
		if ch.Node == victim {
			changes <- ch
		}
	})
	load := startLoad(c, 16)
	waitFor(t, "calls to the victim", func() bool { return c.ledger.of(victim).answered.Load() > 100 })

	if err := nodes[1].kill(); err != nil {
		t.Fatal(err)
	}
	opened := await(t, changes, breaker.Open)
	// The pool redials what is lost with calls in flight, up to its limit. If there were
	// none at the kill, the next call dials, and the pool gives the node up when that fails.
	if !fromPool(opened.Reason) || !errors.Is(opened.Cause, muxpool.ErrReconnectLimit) && !errors.Is(opened.Cause, muxpool.ErrConnectionsHaveBeenExpelled) {
		t.Errorf("opened for %s, %v; want the pool's reconnect limit, or that it has no connection left", opened.Reason, opened.Cause)
	}

	// An attempt that had passed the breaker when it opened may still be sent.
	waitFor(t, "end of the attempts from before", func() bool { return c.ledger.of(victim).underWay.Load() == 0 })
	if kind, st := firstFrame(t, c, victim); kind == muxtransport.RequestCall && st.State == breaker.Open && st.Ejections == 1 {
		t.Errorf("a request came while the breaker was open: %+v", st)
	}
	if err := nodes[1].start(); err != nil {
		t.Fatal(err)
	}
	await(t, changes, breaker.Closed)
	waitFor(t, "calls to the node that is back", func() bool {
		n, err := nodes[1].received()
		if err != nil {
			t.Fatal(err)
		}
		return n > 100
	})
	load.stop()

	if n := load.wrong.Load(); n > 0 {
		t.Errorf("%d answers did not fit their calls", n)
	}
	a := c.ledger.of(victim)
	if sent, due := a.outside.Load(), a.halfOpen.Load(); sent > due {
		t.Errorf("%d calls were sent while the breaker was not closed, %d probes were due", sent, due)
	}
}

func startThree(t *testing.T, options ...muxendpoint.Option) (nodes []*process, c *client) {
	t.Helper()
	t.Cleanup(func() {
		if err := stopAll(nodes); err != nil {
			t.Error(err)
		}
	})
	var instances []string
	for range 3 {
		p, err := startProcess()
		if err != nil {
			t.Fatal(err)
		}
		nodes, instances = append(nodes, p), append(instances, p.address)
	}
	c, err := newClient(instances, log.NewNopLogger(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return nodes, c
}

// firstFrame listens in the node's place until a request or a ping comes, and returns
// which, and what the breaker's status was then. Connections without one are the pool's,
// which may still be redialing.
func firstFrame(t *testing.T, c *client, n muxpool.Node) (muxtransport.RequestKind, breaker.Status) {
	t.Helper()
	l, err := net.Listen(n.Network, n.Address)
	if err != nil {
		t.Fatal(err)
	}
	type frame struct {
		kind   muxtransport.RequestKind
		status breaker.Status
	}
	came := make(chan frame, 1)
	ctx, cancel := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	defer bounded.Wait(t, readers.Wait)
	defer cancel()
	context.AfterFunc(ctx, func() { _ = l.Close() })
	readers.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = nc.Close() })
			readers.Go(func() {
				for {
					id, text, err := native.Protocol{}.Parse(nc)
					if err != nil {
						return
					}
					kind := native.Protocol{}.ClassifyRequest(id, text)
					if kind != muxtransport.RequestCall && kind != muxtransport.RequestPing {
						continue
					}
					st, _ := c.breakers.StatusOf(n)
					select {
					case came <- frame{kind, st}:
					default:
					}
				}
			})
		}
	})
	select {
	case f := <-came:
		return f.kind, f.status
	case <-time.After(patience):
		t.Fatal("neither a call nor a ping came")
		return 0, breaker.Status{}
	}
}

func await(t *testing.T, changes <-chan breaker.Change, to breaker.State) breaker.Change {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case c := <-changes:
			if c.To == to {
				return c
			}
		case <-timeout:
			t.Fatalf("the breaker was not %s within %v", to, patience)
		}
	}
}

// waitFor waits until holds, which it asks now and then.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("no %s within %v", what, patience)
		}
	}
}
