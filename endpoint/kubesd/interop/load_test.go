//go:build linux

package interop

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// controller is the engine: it says which pods there are, in two slices.
type controller struct {
	cluster *cluster
	account *account
	all     []*pod // that there are
	next    int
}

// pod is a node, and what the API server says of it.
type pod struct {
	*discoverytest.Node
	endpoint
	slice string
}

func newScene(t *testing.T) (*discoverytest.Scene, *cluster) {
	t.Helper()
	c := startCluster(t)
	return discoverytest.NewScene(t, &controller{cluster: c, account: newAccount(t, c)}), c
}

func (c *controller) Follow(t *testing.T) muxendpoint.Instancer {
	return c.account.follow(t, "https://"+c.cluster.proxy.Address)
}

// Join is a pod that is ready.
func (c *controller) Join(t *testing.T) *discoverytest.Node {
	t.Helper()
	ip := some(c.next, 1)[0]
	p := &pod{Node: discoverytest.StartNode(t, withPort(ip)), endpoint: at(ip), slice: fmt.Sprintf("stock-%d", c.next%2)}
	c.next++
	c.all = append(c.all, p)
	c.write(t, p.slice)
	return p.Node
}

// Leave is a pod that is being deleted.
func (c *controller) Leave(t *testing.T, n *discoverytest.Node) {
	t.Helper()
	p := c.all[c.find(n)]
	p.Conditions = conditions(false, true, true)
	c.write(t, p.slice)
}

// Gone is a pod of which nothing is left.
func (c *controller) Gone(t *testing.T, n *discoverytest.Node) {
	t.Helper()
	k := c.find(n)
	slice := c.all[k].slice
	c.all = slices.Delete(c.all, k, k+1)
	c.write(t, slice)
}

func (c *controller) find(n *discoverytest.Node) int {
	return slices.IndexFunc(c.all, func(p *pod) bool { return p.Node == n })
}

// write writes a slice, as the controller does.
func (c *controller) write(t *testing.T, name string) {
	t.Helper()
	var all []endpoint
	for _, p := range c.all {
		if p.slice == name {
			all = append(all, p.endpoint)
		}
	}
	c.cluster.slice(t, name, all...)
}

// Pods come, and are deleted as Kubernetes does it: not a call is lost.
func TestNoCallIsLostWherePodsAreDeleted(t *testing.T) {
	s, _ := newScene(t)
	s.NodesLeave(t, 8)
}

// Pods die, and are ready for a while more, as long as probes take: calls that may be repeated are.
func TestNoIdempotentCallIsLostWherePodsDie(t *testing.T) {
	s, _ := newScene(t)
	s.NodesDie(t)
}

// The API server is away: killed, stopped, cut off, or without its etcd.
func TestNoCallIsLostWhileTheAPIServerIsAway(t *testing.T) {
	signal := func(t *testing.T, c *cluster, s syscall.Signal) {
		if err := c.process.Cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	for name, away := range map[string]func(t *testing.T, c *cluster){
		"killed": func(t *testing.T, c *cluster) {
			c.kill()
			discoverytest.Outlast(t)
			c.start(t)
		},
		"stopped": func(t *testing.T, c *cluster) {
			signal(t, c, syscall.SIGSTOP)
			discoverytest.Outlast(t)
			signal(t, c, syscall.SIGCONT)
		},
		"cut off": func(t *testing.T, c *cluster) {
			c.proxy.Cut()
			discoverytest.Outlast(t)
			c.proxy.Heal()
		},
		"without etcd": func(t *testing.T, c *cluster) {
			c.etcd.kill()
			discoverytest.Outlast(t)
			c.etcd.start(t)
			c.ready(t)
		},
		"killed with its etcd, and compacted": func(t *testing.T, c *cluster) {
			c.kill()
			c.etcd.kill()
			discoverytest.Outlast(t)
			c.etcd.start(t)
			c.start(t)
			c.etcd.compact(t)
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

// A pod dies, and another begins, while the API server cannot be reached.
func TestPodsThatChangeWhileTheAPIServerIsAway(t *testing.T) {
	s, c := newScene(t)
	s.NodesChange(t, func() {
		c.proxy.Cut()
		c.proxy.Reset()
	}, c.proxy.Heal)
}
