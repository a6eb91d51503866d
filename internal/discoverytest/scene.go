package discoverytest

import (
	"slices"
	"testing"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
)

// Engine is a discovery system, and whoever tells it of nodes.
type Engine interface {
	// Follow makes an Instancer of the nodes, which ends with the test.
	Follow(t *testing.T) muxendpoint.Instancer
	// Join starts a node, and has it named.
	Join(t *testing.T) *Node
	// Leave has a node named no more that goes as it should.
	Leave(t *testing.T, n *Node)
	// Gone is of a node that has ended: what is left of it goes, at once or when its time is over.
	Gone(t *testing.T, n *Node)
}

// Registrar is what those of all engines are.
type Registrar interface {
	Register()
	Deregister()
	Err() error
}

// Registrars are an Engine whose nodes register themselves.
type Registrars struct {
	Instancer func(t *testing.T) muxendpoint.Instancer
	// New makes a node's Registrar, and what has it reach the engine no more.
	New func(t *testing.T, address string) (r Registrar, cut func())
}

// Follow implements [Engine].
func (e Registrars) Follow(t *testing.T) muxendpoint.Instancer { return e.Instancer(t) }

// Join implements [Engine].
func (e Registrars) Join(t *testing.T) *Node {
	t.Helper()
	n := StartNode(t, "127.0.0.1:0")
	n.Registrar, n.cut = e.New(t, n.Address)
	n.Registrar.Register()
	return n
}

// Leave implements [Engine].
func (e Registrars) Leave(_ *testing.T, n *Node) { n.Registrar.Deregister() }

// Gone implements [Engine].
func (e Registrars) Gone(_ *testing.T, n *Node) { n.cut() }

// Scene is a Set under load over nodes that an engine names, four of them as a rule. It is for one goroutine, the test's.
type Scene struct {
	*Load

	engine Engine
	nodes  []*Node // that are to be named, the oldest first
}

// NewScene begins with four nodes; it ends with the test, which may take as long as -timeout allows.
func NewScene(t *testing.T, engine Engine) *Scene {
	t.Helper()
	bounded.Long(t)
	s := &Scene{engine: engine}
	for range 4 {
		s.join(t)
	}
	s.Load = Begin(t, engine.Follow(t), 4)
	return s
}

func (s *Scene) join(t *testing.T) (address string) {
	t.Helper()
	n := s.engine.Join(t)
	s.nodes = append(s.nodes, n)
	return n.Address
}

// oldest is a node that is to be named no more.
func (s *Scene) oldest() *Node {
	n := s.nodes[0]
	s.nodes = s.nodes[1:]
	return n
}

// Works checks that discovery does: all nodes are registered, another one is heard of, and one that leaves.
func (s *Scene) Works(t *testing.T) {
	t.Helper()
	for _, n := range s.nodes {
		if n.Registrar != nil {
			Eventually(t, n.Address+" is registered", func() bool { return n.Registrar.Err() == nil })
		}
	}
	s.join(t)
	s.HasOnly(t, s.nodes)
	n := s.oldest()
	s.engine.Leave(t, n)
	if n.Registrar == nil { // nobody else waits until clients have heard of it
		s.HasOnly(t, s.nodes)
	}
	n.Shutdown(t)
	s.engine.Gone(t, n)
	s.HasOnly(t, s.nodes)
}

// NodesLeave is a story: nodes come, and leave as they should, and not a call is lost.
func (s *Scene) NodesLeave(t *testing.T, rounds int) {
	t.Helper()
	for range rounds {
		s.Works(t)
	}
	s.Lost(t, true)
}

// NodesDie is a story: nodes are killed, and named for a while more, and no call is lost that may be repeated.
func (s *Scene) NodesDie(t *testing.T) {
	t.Helper()
	for range 4 {
		dead := s.oldest()
		dead.Kill()
		late := s.join(t)
		Eventually(t, late+" is called", func() bool { return slices.Contains(s.addresses(), late) })
		s.engine.Gone(t, dead)
		s.HasOnly(t, s.nodes)
	}
	s.Lost(t, false)
}

// EngineAway is a story: the engine is away, and comes back, and works, and not a call is lost. It returns how
// many nodes the Set had at least.
func (s *Scene) EngineAway(t *testing.T, away func()) (fewest int) {
	t.Helper()
	fewest = s.Fewest(func() {
		away()
		s.Works(t)
	})
	s.Lost(t, true)
	return fewest
}

// NodesChange is a story: a node dies, and another begins, while the engine is away, and no call is lost that may be repeated.
func (s *Scene) NodesChange(t *testing.T, away, back func()) {
	t.Helper()
	away()
	dead := s.oldest()
	dead.Kill()
	s.engine.Gone(t, dead)
	Outlast(t)
	s.join(t)
	back()
	s.HasOnly(t, s.nodes)
	s.Lost(t, false)
}
