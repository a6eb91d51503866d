package endpoint

import (
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
)

// discovery is an Instancer as go-kit's are: it sends while it holds its lock,
// which Register and Deregister need as well.
type discovery struct {
	mu         sync.Mutex
	state      sd.Event
	subscribed map[chan<- sd.Event]bool
}

func discover(instances ...string) *discovery {
	return &discovery{state: sd.Event{Instances: instances}, subscribed: map[chan<- sd.Event]bool{}}
}

func (d *discovery) Register(ch chan<- sd.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.subscribed[ch] = true
	ch <- d.state
}

func (d *discovery) Deregister(ch chan<- sd.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.subscribed, ch)
}

func (d *discovery) Stop() {}

func (d *discovery) send(ev sd.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = ev
	for ch := range d.subscribed {
		ch <- ev
	}
}

// now makes the discovery name instances, and returns when s follows.
func (d *discovery) now(s *Set, instances ...string) {
	d.send(sd.Event{Instances: instances})
	settle(s)
}

func (d *discovery) fails(s *Set, err error) {
	d.send(sd.Event{Err: err})
	settle(s)
}

// settle returns when s has followed what discovery sent before.
func settle(s *Set) {
	done := make(chan struct{})
	s.marks <- func() { close(done) }
	<-done
}

// shop makes the nodes' endpoints for a Set, and counts those that it closed.
type shop struct {
	fleet
	made, closed []string
}

func (s *shop) factory(instance string) (endpoint.Endpoint, io.Closer, error) {
	n, err := ParseNode(instance)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = append(s.made, n.Address)
	return s.endpoint(n), release(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = append(s.closed, n.Address)
	}), nil
}

func (s *shop) closes() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.closed)
	return strings.Join(s.closed, " ")
}

func addresses(s *Set) string {
	var all []string
	for _, n := range s.Nodes() {
		all = append(all, n.Node.Address)
	}
	return strings.Join(all, " ")
}

// callEach calls until each of n different answers came, or fails.
func callEach(t *testing.T, ep endpoint.Endpoint, n int) {
	t.Helper()
	seen := map[any]bool{}
	for range 1000 {
		response, err := ep(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		if seen[response] = true; len(seen) == n {
			return
		}
	}
	t.Fatalf("1000 calls reached %v", seen)
}
