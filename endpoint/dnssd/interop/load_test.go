//go:build peers

package interop

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/dnssd"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// zone is the engine: nodes have one port, on addresses of this machine.
type zone struct {
	dns  *coredns
	port string
	next int
	ips  []string // that are named
}

func newScene(t *testing.T) (*discoverytest.Scene, *coredns) {
	t.Helper()
	z := &zone{dns: startCoreDNS(t, "")}
	var err error
	if _, z.port, err = net.SplitHostPort(discoverytest.FreeAddress(t, "127.0.3.0")); err != nil {
		t.Fatal(err)
	}
	return discoverytest.NewScene(t, z), z.dns
}

func (z *zone) Follow(t *testing.T) muxendpoint.Instancer {
	t.Helper()
	z.dns.serves(t)
	number, err := strconv.ParseUint(z.port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	i, err := dnssd.NewAddresses("stock.example.org", uint16(number), quick(z.dns)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	return i
}

func (z *zone) Join(t *testing.T) *discoverytest.Node {
	t.Helper()
	z.next++
	ip := fmt.Sprintf("127.0.3.%d", z.next)
	n := discoverytest.StartNode(t, net.JoinHostPort(ip, z.port))
	z.ips = append(z.ips, ip)
	z.write(t)
	return n
}

func (z *zone) Leave(t *testing.T, n *discoverytest.Node) { z.Gone(t, n) }

func (z *zone) Gone(t *testing.T, n *discoverytest.Node) {
	t.Helper()
	z.ips = slices.DeleteFunc(z.ips, func(ip string) bool { return net.JoinHostPort(ip, z.port) == n.Address })
	z.write(t)
}

func (z *zone) write(t *testing.T) {
	t.Helper()
	var records []string
	for _, ip := range z.ips {
		records = append(records, "stock 1 IN A "+ip)
	}
	z.dns.zone(t, records...)
}

// Nodes come, and leave when the time to live is over: not a call is lost.
func TestNoCallIsLostWhereNodesLeaveAsTheyShould(t *testing.T) {
	s, _ := newScene(t)
	s.NodesLeave(t, 4)
}

// Nodes are killed, and named for a while more: calls that may be repeated are.
func TestNoIdempotentCallIsLostWhereNodesDie(t *testing.T) {
	s, _ := newScene(t)
	s.NodesDie(t)
}

// CoreDNS is away for longer than records live: killed, or stopped.
func TestNoCallIsLostWhileCoreDNSIsAway(t *testing.T) {
	for name, away := range map[string]func(t *testing.T, c *coredns){
		"killed": func(t *testing.T, c *coredns) {
			c.process.Kill()
			discoverytest.Outlast(t)
			c.start(t)
		},
		"stopped": func(t *testing.T, c *coredns) {
			for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
				if err := c.process.Cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				if signal == syscall.SIGSTOP {
					discoverytest.Outlast(t)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newScene(t)
			if fewest := s.EngineAway(t, func() { away(t, c) }); fewest < 4 {
				t.Errorf("the Set had %d nodes meanwhile", fewest)
			}
		})
	}
}

// A node dies, and another begins, while CoreDNS is away.
func TestNodesThatChangeWhileCoreDNSIsAway(t *testing.T) {
	s, c := newScene(t)
	s.NodesChange(t, c.process.Kill, func() { c.start(t) })
}
