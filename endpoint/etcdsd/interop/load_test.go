//go:build peers

package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/etcdsd"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// outage is for how long etcd is away: three times as long as leases last, or what MUXKIT_OUTAGE says.
func outage(t *testing.T) time.Duration {
	text := os.Getenv("MUXKIT_OUTAGE")
	if text == "" {
		return 6 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// node is a server with its Registrar, whose client of etcd is its own.
type node struct {
	address   string
	service   *muxtransport.Service
	registrar *etcdsd.Registrar
	ended     chan error
	away      func() // its client of etcd is closed
}

func startNode(t *testing.T, e *etcd) *node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := e.client(t)
	n := &node{address: l.Addr().String(), service: muxtransport.NewService(native.Protocol{}), ended: make(chan error, 1), away: func() { c.Close() }}
	for _, method := range []string{"Read", "Pay"} {
		n.service.Handle(method, muxtransport.NewServer(func(_ context.Context, r any) (any, error) { return r, nil }, muxtransport.DecodeBytes, muxtransport.EncodeBytes))
	}
	go func() { n.ended <- n.service.Serve(l) }()
	n.registrar = newRegistrar(t, c, at(n.address), etcdsd.WithDrainDelay(300*time.Millisecond))
	n.registrar.Register()
	t.Cleanup(func() { n.service.Close() })
	return n
}

// leaves is how a node goes that is allowed to.
func (n *node) leaves(t *testing.T) {
	t.Helper()
	n.registrar.Deregister()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := n.service.Shutdown(ctx); err != nil {
		t.Error("shutdown:", err)
	}
	bounded.Receive(t, n.ended)
}

// dies is how a node goes that is killed: its lease has to run out.
func (n *node) dies() {
	n.away()
	n.service.Close()
}

// scene is a Set under load over nodes that etcd names.
type scene struct {
	etcd  *etcd
	set   *muxendpoint.Set
	nodes []*node

	calls       atomic.Int64
	reads, pays atomic.Int64 // that failed
	mu          sync.Mutex
	first       map[string]error // failure of each kind
	stop        context.CancelFunc
	callers     sync.WaitGroup
}

func newScene(t *testing.T) *scene {
	s := &scene{etcd: startEtcd(t), first: map[string]error{}}
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	g := breaker.NewGroup()
	unwatch := g.Watch(pool)
	instancer := newInstancer(t, s.etcd.client(t))
	for range 4 {
		s.nodes = append(s.nodes, startNode(t, s.etcd))
	}
	if err := instancer.Await(soon(t)); err != nil {
		t.Fatal(err)
	}
	s.set = muxendpoint.NewSet(instancer, nil, muxendpoint.WithBreakers(g), muxendpoint.WithRetry(4, 10*time.Second))
	client := func(method string) func(muxtransport.Node) *muxtransport.Client {
		return func(n muxtransport.Node) *muxtransport.Client {
			return muxtransport.NewClient(pool, n, native.Protocol{}, method, muxtransport.EncodeBytes, muxtransport.DecodeBytes)
		}
	}
	read := s.set.Endpoint("Read", client("Read"), muxendpoint.WithIdempotent(muxendpoint.Always))
	pay := s.set.Endpoint("Pay", client("Pay"))
	s.has(t, 4)
	ctx, cancel := context.WithCancel(t.Context())
	s.stop = cancel
	for i := range 8 {
		s.callers.Go(func() { s.call(ctx, "Read", i, read, &s.reads) })
		s.callers.Go(func() { s.call(ctx, "Pay", i, pay, &s.pays) })
	}
	t.Cleanup(func() {
		s.end(t)
		s.set.Close()
		instancer.Stop()
		unwatch()
		g.Close()
		pool.Close()
		bounded.Receive(t, pool.Done())
	})
	return s
}

func (s *scene) call(ctx context.Context, method string, caller int, ep endpoint.Endpoint, failed *atomic.Int64) {
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
		s.calls.Add(1)
		if err != nil {
			failed.Add(1)
			s.mu.Lock()
			if s.first[method] == nil {
				s.first[method] = err
			}
			s.mu.Unlock()
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *scene) end(t *testing.T) {
	s.stop()
	bounded.Wait(t, s.callers.Wait)
}

// has waits until the Set has n nodes.
func (s *scene) has(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d nodes", n), func() bool { return len(s.set.Nodes()) == n })
}

// lost checks that nothing was: no call at all, or of those that may be repeated.
func (s *scene) lost(t *testing.T, all bool) {
	t.Helper()
	s.end(t)
	t.Logf("%d calls; %d reads and %d pays were lost", s.calls.Load(), s.reads.Load(), s.pays.Load())
	if s.calls.Load() < 1000 {
		t.Errorf("only %d calls were made", s.calls.Load())
	}
	if s.reads.Load() > 0 || all && s.pays.Load() > 0 {
		t.Errorf("the first of each: %v", s.first)
	}
}

// Nodes come and go, and say so: not a call is lost.
func TestNoCallIsLostWhereNodesLeaveAsTheyShould(t *testing.T) {
	s := newScene(t)
	for range 8 {
		s.nodes = append(s.nodes, startNode(t, s.etcd))
		s.has(t, 5)
		s.nodes[0].leaves(t)
		s.nodes = s.nodes[1:]
		s.has(t, 4)
	}
	s.lost(t, true)
}

// Nodes are killed: calls that may be repeated are.
func TestNoIdempotentCallIsLostWhereNodesDie(t *testing.T) {
	s := newScene(t)
	for range 4 {
		s.nodes[0].dies()
		s.nodes = append(s.nodes[1:], startNode(t, s.etcd))
		s.has(t, 5)
		s.has(t, 4) // its lease has run out
	}
	s.lost(t, false)
}

// Etcd is away for longer than its leases: killed, cut off, or without its data afterwards.
func TestNoCallIsLostWhileEtcdIsAway(t *testing.T) {
	for name, away := range map[string]func(t *testing.T, e *etcd){
		"killed": func(t *testing.T, e *etcd) {
			e.kill()
			time.Sleep(outage(t))
			e.start(t)
		},
		"cut off": func(t *testing.T, e *etcd) {
			e.proxy.cut()
			time.Sleep(outage(t))
			e.proxy.heal()
		},
		"emptied": func(t *testing.T, e *etcd) {
			e.kill()
			time.Sleep(outage(t))
			e.empty(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			fewest := 4
			done := make(chan struct{})
			go func() {
				defer close(done)
				away(t, s.etcd)
			}()
			for ended := false; !ended; time.Sleep(10 * time.Millisecond) {
				fewest = min(fewest, len(s.set.Nodes()))
				select {
				case <-done:
					ended = true
				default:
				}
			}
			for _, n := range s.nodes {
				eventually(t, n.address+" is registered", func() bool { return n.registrar.Err() == nil })
			}
			s.nodes = append(s.nodes, startNode(t, s.etcd)) // discovery works again
			s.has(t, 5)
			s.nodes[0].leaves(t)
			s.has(t, 4)
			s.lost(t, true)
			if name != "cut off" && fewest < 4 {
				t.Errorf("the Set had %d nodes meanwhile", fewest)
			}
		})
	}
}

// A node dies, and another begins, while etcd is away.
func TestNodesThatChangeWhileEtcdIsAway(t *testing.T) {
	s := newScene(t)
	s.etcd.kill()
	s.nodes[0].dies()
	time.Sleep(outage(t))
	late := startNode(t, s.etcd)
	s.nodes = append(s.nodes[1:], late)
	s.etcd.start(t)
	eventually(t, "the dead one is gone, and the new one is there", func() bool {
		there := 0
		for _, n := range s.set.Nodes() {
			if contains(s.nodes, n.Node.Address) {
				there++
			}
		}
		return there == 4 && len(s.set.Nodes()) == 4
	})
	s.lost(t, false)
}

func contains(nodes []*node, address string) bool {
	for _, n := range nodes {
		if n.address == address {
			return true
		}
	}
	return false
}
