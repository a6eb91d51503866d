package transport

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// HealthStatus is whether a service takes calls. A Service may bear several services, each
// of a name; the empty name is the Service as a whole.
type HealthStatus uint8

const (
	// HealthUnknown: there is no service of that name.
	HealthUnknown HealthStatus = 0
	// HealthServing: it takes calls.
	HealthServing HealthStatus = 1
	// HealthNotServing: it wants none, or its Service is not being served, or shuts down.
	HealthNotServing HealthStatus = 2
)

func (h HealthStatus) String() string {
	switch h {
	case HealthUnknown:
		return "unknown"
	case HealthServing:
		return "serving"
	case HealthNotServing:
		return "not serving"
	}
	return fmt.Sprintf("unknown(%d)", uint8(h))
}

// Healther is an optional part of a Protocol with a method of its own by which a client
// asks a Service for its health. Its request and its answer have the bodies that
// docs/native-protocol.md describes; a Service answers it, and Handle refuses its name.
type Healther interface {
	HealthMethod() string
}

// health is what a Service says of itself.
type health struct {
	// mu is a leaf. It guards the rest.
	mu      sync.Mutex
	names   map[string]bool // of SetServing: whether it serves; "" is there once it was set
	entries int             // listeners that are being served
	closing bool
	changed chan struct{} // closed, and forgotten, with the next change; nil: nobody waits
}

// SetServing says whether the service of that name, which begins to be known by it, takes
// calls; the empty name is the Service as a whole, and is true until it is set. Calls are
// served all the same: clients and load balancers are expected to go elsewhere. While the
// whole does not serve, no service of it does. Shutdown and Close end all of them; who
// wants probes to see that before connections are told to go, sets the whole to false, and
// waits for as long as a probe takes, before Shutdown.
func (s *Service) SetServing(name string, serving bool) {
	s.health.change(func(h *health) {
		if h.names == nil {
			h.names = make(map[string]bool)
		}
		h.names[name] = serving
	})
}

// Health returns the status of the service of that name. The Service as a whole serves
// while Serve or ServePacket runs, until SetServing says that it does not, or Shutdown or
// Close is called.
func (s *Service) Health(name string) HealthStatus {
	status, _ := s.health.look(name, false)
	return status
}

// list returns the names of SetServing, and the empty one, in their order.
func (h *health) list() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := slices.Sorted(maps.Keys(h.names))
	if _, set := h.names[""]; !set {
		names = slices.Insert(names, 0, "")
	}
	return names
}

// change makes a change, and wakes who waits for one.
func (h *health) change(f func(*health)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(h)
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// look returns the status of a service, and what is closed at the next change if wait says
// that somebody wants to wait for it: nil when there will be none that matters.
func (h *health) look(name string, wait bool) (status HealthStatus, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if wait && !h.closing {
		if h.changed == nil {
			h.changed = make(chan struct{})
		}
		changed = h.changed
	}
	serving, known := h.names[name]
	whole, set := h.names[""]
	whole = (whole || !set) && h.entries > 0 && !h.closing
	switch {
	case name == "" && whole, known && serving && whole:
		return HealthServing, changed
	case name == "", known:
		return HealthNotServing, changed
	}
	return HealthUnknown, changed
}
