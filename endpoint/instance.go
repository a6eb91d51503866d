package endpoint

import "github.com/go-kit/kit/sd"

// Instance is a node of a service, with what discovery tells of it. More fields may come: use
// their names. Its JSON is what ParseInstance reads.
type Instance struct {
	// Address is what an sd.Event has: see ParseNode and WithNodeParser.
	Address string `json:"address"`
	// Weight is how many calls it is to get where another gets one for each unit of its own:
	// one of 200 twice as many as one of 100. Zero is 1.
	Weight uint32 `json:"weight,omitempty"`
	// Zone is where it runs, as a rack or a region; empty if that is not told. See WithZone.
	Zone string `json:"zone,omitempty"`
	// Labels are what else is told. Nobody changes them once they were sent.
	Labels map[string]string `json:"labels,omitempty"`
}

// InstancesEvent is an sd.Event that tells more than addresses.
type InstancesEvent struct {
	Instances []Instance
	Err       error
}

// Instancer is an sd.Instancer that tells more of its instances than their addresses. A Set
// registers for InstancesEvents then, and not for sd.Events; go-kit's own endpointers go on to
// get those.
//
// As with sd.Instancer, the current state is sent at once, by RegisterInstances, and then
// whenever any of it changes; whoever is registered gets each event or is waited for. An event
// is all that there is: what a field said before counts no more. Who is not to be called is not
// named.
type Instancer interface {
	sd.Instancer
	RegisterInstances(ch chan<- InstancesEvent)
	DeregisterInstances(ch chan<- InstancesEvent)
}

// FixedInstances is an Instancer that tells always the same.
type FixedInstances []Instance

// Register implements sd.Instancer.
func (f FixedInstances) Register(ch chan<- sd.Event) {
	addresses := make([]string, len(f))
	for i, in := range f {
		addresses[i] = in.Address
	}
	ch <- sd.Event{Instances: addresses}
}

// RegisterInstances implements Instancer.
func (f FixedInstances) RegisterInstances(ch chan<- InstancesEvent) {
	ch <- InstancesEvent{Instances: f}
}

// Deregister implements sd.Instancer.
func (FixedInstances) Deregister(chan<- sd.Event) {}

// DeregisterInstances implements Instancer.
func (FixedInstances) DeregisterInstances(chan<- InstancesEvent) {}

// Stop implements sd.Instancer.
func (FixedInstances) Stop() {}

// instances are those of an event, in the form in which they came: one of the two is nil.
type instances struct {
	addresses []string
	told      []Instance
}

func (l instances) len() int { return max(len(l.addresses), len(l.told)) }

func (l instances) at(i int) Instance {
	if l.told != nil {
		return l.told[i]
	}
	return Instance{Address: l.addresses[i]}
}

// subscribe has the Set follow its Instancer.
func (s *Set) subscribe() {
	if s.teller != nil {
		s.teller.RegisterInstances(s.told)
		return
	}
	s.instancer.Register(s.events)
}

func (s *Set) unsubscribe() {
	if s.teller != nil {
		s.teller.DeregisterInstances(s.told)
		return
	}
	s.instancer.Deregister(s.events)
}

// weigh gives each node the weight that discovery tells, as a share of the largest, and
// notes whether it is in the own zone; it reports whether any has changed. mu is held.
func (s *Set) weigh() (changed bool) {
	if s.teller == nil {
		return false
	}
	top := int64(1)
	for _, m := range s.order {
		top = max(top, int64(m.told.Weight))
	}
	for _, m := range s.order {
		given := max(full*max(int64(m.told.Weight), 1)/top, 1)
		if m.weight.given.Swap(given) != given {
			changed = true
		}
		if near := s.cfg.isNear(m.told); m.near.Swap(near) != near {
			changed = true
		}
	}
	return changed
}
