package discoverytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// Node is a Service on a socket, which nobody knows of until discovery is told.
type Node struct {
	Address   string
	Registrar Registrar // of those that register themselves

	cut     func()
	service *muxtransport.Service
	ended   chan error
}

// StartNode serves at an address, whose port may be 0, until the test ends.
func StartNode(t testing.TB, address string) *Node {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Address: l.Addr().String(), service: muxtransport.NewService(native.Protocol{}), ended: make(chan error, 1)}
	for _, method := range []string{"Read", "Pay"} {
		n.service.Handle(method, muxtransport.NewServer(func(_ context.Context, r any) (any, error) { return r, nil }, muxtransport.DecodeBytes, muxtransport.EncodeBytes))
	}
	go func() { n.ended <- n.service.Serve(l) }()
	t.Cleanup(n.Kill)
	return n
}

// Shutdown is how a node goes that is allowed to, after discovery was told.
func (n *Node) Shutdown(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := n.service.Shutdown(ctx); err != nil {
		t.Error("shutdown:", err)
	}
	bounded.Receive(t, n.ended)
}

// Kill ends its connections and what it is running.
func (n *Node) Kill() { n.service.Close() }

// Load are sixteen callers of a Set: half of them make calls that may be repeated, Read, half make others, Pay.
type Load struct {
	Set *muxendpoint.Set

	calls       atomic.Int64
	reads, pays atomic.Int64 // that failed
	mu          sync.Mutex
	first       map[string]error // failure of each kind
	stop        context.CancelFunc
	callers     sync.WaitGroup
}

// Begin has the nodes called that an Instancer tells, once there are as many as n, until Lost or the end of the test.
func Begin(t testing.TB, instancer muxendpoint.Instancer, n int) *Load {
	t.Helper()
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	g := breaker.NewGroup()
	unwatch := g.Watch(pool)
	l := &Load{first: map[string]error{}, Set: muxendpoint.NewSet(instancer, nil, muxendpoint.WithBreakers(g), muxendpoint.WithRetry(4, 10*time.Second))}
	ctx, cancel := context.WithCancel(t.Context())
	l.stop = cancel
	t.Cleanup(func() {
		l.end(t)
		l.Set.Close()
		unwatch()
		g.Close()
		pool.Close()
		bounded.Receive(t, pool.Done())
	})
	client := func(method string) func(muxtransport.Node) *muxtransport.Client {
		return func(n muxtransport.Node) *muxtransport.Client {
			return muxtransport.NewClient(pool, n, native.Protocol{}, method, muxtransport.EncodeBytes, muxtransport.DecodeBytes)
		}
	}
	read := l.Set.Endpoint("Read", client("Read"), muxendpoint.WithIdempotent(muxendpoint.Always))
	pay := l.Set.Endpoint("Pay", client("Pay"))
	l.Has(t, n)
	for i := range 8 {
		l.callers.Go(func() { l.call(ctx, "Read", i, read, &l.reads) })
		l.callers.Go(func() { l.call(ctx, "Pay", i, pay, &l.pays) })
	}
	return l
}

func (l *Load) call(ctx context.Context, method string, caller int, ep endpoint.Endpoint, failed *atomic.Int64) {
	for i := 0; ctx.Err() == nil; i++ {
		nonce := fmt.Appendf(nil, "%s/%d/%d", method, caller, i)
		own, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		got, err := ep(own, nonce)
		cancel()
		if err == nil {
			if answer, _ := got.([]byte); !bytes.Equal(answer, nonce) {
				err = errors.New("the answer is another's")
			}
		}
		l.calls.Add(1)
		if err != nil {
			failed.Add(1)
			l.mu.Lock()
			if l.first[method] == nil {
				l.first[method] = err
			}
			l.mu.Unlock()
		}
		time.Sleep(time.Millisecond) // the pace of the load
	}
}

func (l *Load) end(t testing.TB) {
	l.stop()
	bounded.Wait(t, l.callers.Wait)
}

// Has waits until the Set has n nodes.
func (l *Load) Has(t testing.TB, n int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("%d nodes", n), func() bool { return len(l.Set.Nodes()) == n })
}

// HasOnly waits until the Set has these nodes, and no other.
func (l *Load) HasOnly(t testing.TB, nodes []*Node) {
	t.Helper()
	var want []string
	for _, n := range nodes {
		want = append(want, n.Address)
	}
	slices.Sort(want)
	Eventually(t, fmt.Sprint("the Set has ", want), func() bool { return slices.Equal(l.addresses(), want) })
}

func (l *Load) addresses() (all []string) {
	for _, n := range l.Set.Nodes() {
		all = append(all, n.Node.Address)
	}
	slices.Sort(all)
	return all
}

// Fewest calls run, and is the least number of nodes that the Set had meanwhile.
func (l *Load) Fewest(run func()) int {
	least, end := len(l.Set.Nodes()), make(chan struct{})
	var looks sync.WaitGroup
	looks.Go(func() {
		for {
			least = min(least, len(l.Set.Nodes()))
			select {
			case <-end:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	func() { // run may end the test
		defer looks.Wait()
		defer close(end)
		run()
	}()
	return least
}

// Lost ends the load and checks that nothing was lost: no call at all, or, if not all, none of those that may be repeated.
func (l *Load) Lost(t testing.TB, all bool) {
	t.Helper()
	Eventually(t, "a thousand calls are made", func() bool { return l.calls.Load() >= 1000 })
	l.end(t)
	t.Logf("%d calls; %d reads and %d pays were lost", l.calls.Load(), l.reads.Load(), l.pays.Load())
	if l.reads.Load() > 0 || all && l.pays.Load() > 0 {
		t.Errorf("the first of each: %v", l.first)
	}
}
