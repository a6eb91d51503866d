package interop

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/consulsd"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// severed is a transport that can be cut.
type severed struct {
	http.RoundTripper
	cut atomic.Bool
}

func (s *severed) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.cut.Load() {
		return nil, errors.New("cut")
	}
	return s.RoundTripper.RoundTrip(r)
}

func newScene(t *testing.T) (*discoverytest.Scene, *consul) {
	t.Helper()
	c := startConsul(t, nil)
	return discoverytest.NewScene(t, discoverytest.Registrars{
		Instancer: func(t *testing.T) muxendpoint.Instancer { return c.instancer(t) },
		New: func(t *testing.T, address string) (discoverytest.Registrar, func()) {
			own := &http.Transport{}
			t.Cleanup(own.CloseIdleConnections)
			s := &severed{RoundTripper: own}
			return c.registrar(t, at(address), consulsd.WithDrainDelay(300*time.Millisecond), consulsd.WithHTTPClient(&http.Client{Transport: s})), func() { s.cut.Store(true) }
		},
	}), c
}

// Nodes come and go, and say so: not a call is lost.
func TestNoCallIsLostWhereNodesLeaveAsTheyShould(t *testing.T) {
	s, _ := newScene(t)
	s.NodesLeave(t, 8)
}

// Nodes are killed, and named until their checks are critical: calls that may be repeated are.
func TestNoIdempotentCallIsLostWhereNodesDie(t *testing.T) {
	s, _ := newScene(t)
	s.NodesDie(t)
}

// Consul is away for longer than its checks last: killed, frozen, cut off, or without its data afterwards.
func TestNoCallIsLostWhileConsulIsAway(t *testing.T) {
	for name, away := range map[string]func(t *testing.T, c *consul){
		"killed": func(t *testing.T, c *consul) {
			c.kill()
			discoverytest.Outlast(t)
			c.start(t, nil)
		},
		"frozen": func(t *testing.T, c *consul) {
			c.freeze()
			discoverytest.Outlast(t)
			c.thaw()
		},
		"cut off": func(t *testing.T, c *consul) {
			c.proxy.Cut()
			discoverytest.Outlast(t)
			c.proxy.Heal()
		},
		"emptied": func(t *testing.T, c *consul) {
			c.kill()
			discoverytest.Outlast(t)
			c.empty(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newScene(t)
			fewest := s.EngineAway(t, func() { away(t, c) })
			t.Logf("the Set had at least %d nodes meanwhile", fewest)
		})
	}
}

// A node dies, and another begins, while Consul is away.
func TestNodesThatChangeWhileConsulIsAway(t *testing.T) {
	s, c := newScene(t)
	s.NodesChange(t, func() { c.kill() }, func() { c.start(t, nil) })
}
