//go:build peers

package interop

import (
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/etcdsd"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// newScene has nodes of which each has a client of its own of an etcd, of one member or several.
func newScene(t *testing.T, e interface {
	client(t *testing.T) *clientv3.Client
}) *discoverytest.Scene {
	t.Helper()
	return discoverytest.NewScene(t, discoverytest.Registrars{
		Instancer: func(t *testing.T) muxendpoint.Instancer { return newInstancer(t, e.client(t)) },
		New: func(t *testing.T, address string) (discoverytest.Registrar, func()) {
			c := e.client(t)
			return newRegistrar(t, c, at(address), etcdsd.WithDrainDelay(300*time.Millisecond)), func() { c.Close() }
		},
	})
}

// Nodes come and go, and say so: not a call is lost.
func TestNoCallIsLostWhereNodesLeaveAsTheyShould(t *testing.T) {
	newScene(t, startEtcd(t)).NodesLeave(t, 8)
}

// Nodes are killed, and named until their leases have run out: calls that may be repeated are.
func TestNoIdempotentCallIsLostWhereNodesDie(t *testing.T) {
	newScene(t, startEtcd(t)).NodesDie(t)
}

// Etcd is away for longer than its leases: killed, cut off, or without its data afterwards.
func TestNoCallIsLostWhileEtcdIsAway(t *testing.T) {
	for name, away := range map[string]func(t *testing.T, e *etcd){
		"killed": func(t *testing.T, e *etcd) {
			e.kill()
			discoverytest.Outlast(t)
			e.start(t)
		},
		"cut off": func(t *testing.T, e *etcd) {
			e.proxy.Cut()
			discoverytest.Outlast(t)
			e.proxy.Heal()
		},
		"emptied": func(t *testing.T, e *etcd) {
			e.kill()
			discoverytest.Outlast(t)
			e.empty(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEtcd(t)
			fewest := newScene(t, e).EngineAway(t, func() { away(t, e) })
			if name != "cut off" && fewest < 4 {
				t.Errorf("the Set had %d nodes meanwhile", fewest)
			}
		})
	}
}

// A node dies, and another begins, while etcd is away.
func TestNodesThatChangeWhileEtcdIsAway(t *testing.T) {
	e := startEtcd(t)
	newScene(t, e).NodesChange(t, func() { e.kill() }, func() { e.start(t) })
}
