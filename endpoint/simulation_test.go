package endpoint

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// sea is nodes in memory, which count who has a connection to them, and their calls.
type sea struct{ nodes map[string]*island }

type island struct {
	address      string
	conns, calls atomic.Int64
}

func newSea(addresses []string) *sea {
	s := &sea{nodes: map[string]*island{}}
	for _, a := range addresses {
		s.nodes[a] = &island{address: a}
	}
	return s
}

// ship is the pool of one client: a connection to each node that it calls, which answers each request with its address.
type ship struct {
	*sea
	mu  sync.Mutex
	has map[*island]bool
}

func (s *sea) ship() *ship { return &ship{sea: s, has: map[*island]bool{}} }

func (s *ship) GetMuxConn(_ context.Context, _, address string, _ muxpool.GetOptions) (muxpool.MuxConn, error) {
	at := s.nodes[address]
	if at == nil {
		return nil, errors.New("no such node")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has[at] {
		s.has[at] = true
		at.conns.Add(1)
	}
	return &passage{at: at}, nil
}

// passage is one call.
type passage struct {
	at     *island
	answer []byte
}

func (p *passage) Write([]byte) (err error) {
	p.at.calls.Add(1)
	p.answer, err = native.Protocol{}.AppendResponse(nil, p.VID(), nil, &transport.Message{Body: []byte(p.at.address)})
	return err
}
func (p *passage) Read() ([]byte, error) { return p.answer, nil }
func (p *passage) VID() uint32           { return 7 }
func (p *passage) LocalAddr() net.Addr   { return &net.TCPAddr{} }
func (p *passage) RemoteAddr() net.Addr  { return &net.TCPAddr{} }
func (p *passage) Close()                {}

// sailor is a client: a Set with its pool.
type sailor struct {
	*Set
	*ship
	call endpoint.Endpoint
}

// each does something for many, on all processors.
func each(t *testing.T, n int, do func(i int)) {
	t.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	bounded.Wait(t, wg.Wait)
}

// A thousand nodes and two hundred clients, each with Set, Balancer and Clients as they are, over a pool in memory:
// clients that are numbered are spread evenly, and so is the load; a node that leaves changes
// what it must, and nothing else. With hashed ids the spread is told.
//
// Under the race detector it is a tenth of that, with as many clients a node.
func TestSubsetsOfAThousandNodes(t *testing.T) {
	nodes, clients, size := 1000, 200, 20
	const callsANode = 1600 // the deviation of a node's load is 2.5%: 15% is six of them
	if raceEnabled {
		nodes, clients = 100, 20
	}
	addresses := fleetOf(nodes, 0)
	fleet := func(who func(i int) Option) (d *discovery, all []*sailor, at *sea) {
		d, at = discover(addresses...), newSea(addresses)
		all = make([]*sailor, clients)
		each(t, clients, func(i int) {
			s := &sailor{Set: NewSet(d, nil, who(i)), ship: at.ship()}
			s.call = s.Endpoint("Where", func(n transport.Node) *transport.Client {
				return transport.NewClient(s.ship, n, native.Protocol{}, "Where", transport.EncodeBytes, transport.DecodeBytes)
			})
			all[i] = s
		})
		t.Cleanup(func() {
			for _, s := range all {
				s.Close()
			}
		})
		return d, all, at
	}
	load := func(all []*sailor) {
		each(t, clients, func(i int) {
			for range callsANode * nodes / clients {
				if _, err := all[i].call(context.Background(), []byte("x")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	held := func(all []*sailor) (by []map[muxpool.Node]bool) {
		for _, s := range all {
			mine := map[muxpool.Node]bool{}
			for _, n := range s.Nodes() {
				mine[n.Node] = true
			}
			by = append(by, mine)
		}
		return by
	}
	spread := func(at *sea, what func(*island) int64) (least, most int64, deviation float64) {
		least = math.MaxInt64
		var sum, squares float64
		for _, n := range at.nodes {
			x := what(n)
			least, most = min(least, x), max(most, x)
			sum += float64(x)
			squares += float64(x) * float64(x)
		}
		mean := sum / float64(nodes)
		return least, most, math.Sqrt(squares/float64(nodes) - mean*mean)
	}
	conns := func(n *island) int64 { return n.conns.Load() }
	calls := func(n *island) int64 { return n.calls.Load() }

	d, all, at := fleet(func(i int) Option { return WithSubset(size, i) })
	load(all)
	want := int64(clients * size / nodes)
	least, most, _ := spread(at, conns)
	t.Logf("%d nodes, %d clients with %d each, numbered: %d to %d clients have connected to a node", nodes, clients, size, least, most)
	if least != want || most != want {
		t.Errorf("%d to %d clients have connected to a node, want %d", least, most, want)
	}
	least, most, deviation := spread(at, calls)
	t.Logf("a node has had %d to %d calls, %d in the mean: %+.1f%% to %+.1f%%, deviation %.1f%%", least, most, callsANode,
		100*(float64(least)/callsANode-1), 100*(float64(most)/callsANode-1), 100*deviation/callsANode)
	if float64(least) < 0.85*callsANode || float64(most) > 1.15*callsANode {
		t.Error("which is not within 15%")
	}

	before := held(all)
	for i := range 4 {
		gone, err := ParseNode(addresses[i*nodes/5])
		if err != nil {
			t.Fatal(err)
		}
		left := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { // one more each time
			at := slices.Index(addresses, a)
			return at <= i*nodes/5 && at%(nodes/5) == 0
		})
		d.send(sd.Event{Instances: left})
		each(t, clients, func(i int) { settle(all[i].Set) })
		after := held(all)
		own, changes := 0, 0
		for c := range after {
			if before[c][gone] {
				own++
			}
			for n := range before[c] {
				if !after[c][n] {
					changes++
				}
			}
			for n := range after[c] {
				if !before[c][n] {
					changes++
				}
			}
			equal(t, "held", len(after[c]), size)
		}
		t.Logf("%v, which %d clients held, leaves: %d changes, dropped and added", gone, own, changes)
		if own == 0 || changes > 2*own {
			t.Error("which is more than twice its own")
		}
		before = after
	}

	_, all, at = fleet(func(i int) Option { return WithHashedSubset(size, fmt.Sprintf("shop-%d.example", i)) })
	for _, s := range all {
		equal(t, "held", len(s.Nodes()), size)
	}
	load(all)
	least, most, deviation = spread(at, conns)
	t.Logf("hashed: %d to %d clients have connected to a node, %d in the mean, deviation %.1f", least, most, want, deviation)
	least, most, deviation = spread(at, calls)
	t.Logf("hashed: a node has had %d to %d calls, %d in the mean: %+.0f%% to %+.0f%%, deviation %.0f%%", least, most, callsANode,
		100*(float64(least)/callsANode-1), 100*(float64(most)/callsANode-1), 100*deviation/callsANode)
}
