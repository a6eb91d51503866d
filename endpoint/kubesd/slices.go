package kubesd

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// merged is an endpoint of all slices, by its address.
type merged struct {
	muxendpoint.Instance
	ready bool // else it is terminating, and still serves
	zones []string
}

// merge makes instances of all slices: one for each address, in their order.
func (c *config) merge(all map[string]endpointSlice, complaints *discovery.Complaints) ([]muxendpoint.Instance, error) {
	byAddress := make(map[string]merged)
	none := &discovery.NoneError{}
	family := c.familyOf(all)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		if s.AddressType != family || len(s.Endpoints) == 0 {
			continue
		}
		number, err := c.portOf(s)
		if err != nil {
			complaints.LeftOut(name, err)
			none.Entries, none.First = none.Entries+len(s.Endpoints), err
			continue
		}
		for _, p := range s.Endpoints {
			m, named, err := p.merged(number)
			if named {
				none.Entries++
			}
			if err != nil {
				complaints.LeftOut(name, err)
				none.First = err
			}
			if known, ok := byAddress[m.Address]; named && err == nil && (!ok || m.ready && !known.ready) {
				byAddress[m.Address] = m
			}
		}
	}
	if len(byAddress) == 0 && none.First != nil {
		return nil, none
	}
	list := slices.SortedFunc(maps.Values(byAddress), func(a, b merged) int { return cmp.Compare(a.Address, b.Address) })
	return c.chosen(list), nil
}

// familyOf is the one that is named: a pod has an address of each.
func (c *config) familyOf(all map[string]endpointSlice) string {
	if c.family != "" {
		return c.family
	}
	best := ""
	for _, s := range all {
		if len(s.Endpoints) > 0 && (best == "" || s.AddressType < best) { // "FQDN" is only there by itself
			best = s.AddressType
		}
	}
	return best
}

// portOf is the port of the slice's endpoints that is called.
func (c *config) portOf(s endpointSlice) (int, error) {
	for _, p := range s.Ports {
		if p.Name == c.port || c.port == "" && len(s.Ports) == 1 {
			if p.Port < 1 || p.Port > 65535 {
				return 0, fmt.Errorf("its port %q is %d", p.Name, p.Port)
			}
			return p.Port, nil
		}
	}
	if c.port == "" {
		return 0, fmt.Errorf("it has %d ports: say which, WithPort", len(s.Ports))
	}
	return 0, fmt.Errorf("it has no port %q", c.port)
}

// merged makes an instance of an endpoint, if it can be called.
func (p pod) merged(port int) (m merged, named bool, err error) {
	said := func(b *bool, otherwise bool) bool {
		if b == nil {
			return otherwise
		}
		return *b
	}
	m.ready = said(p.Conditions.Ready, true)
	if !m.ready && !(said(p.Conditions.Serving, true) && said(p.Conditions.Terminating, false)) {
		return m, false, nil
	}
	if len(p.Addresses) == 0 {
		return m, true, errors.New("an endpoint without an address")
	}
	m.Address = net.JoinHostPort(p.Addresses[0], strconv.Itoa(port)) // all of them are alike
	if _, err := muxendpoint.ParseNode(m.Address); err != nil {
		return m, true, err
	}
	m.Zone = p.Zone
	for label, value := range map[string]string{"node": p.NodeName, "pod": p.Target.Name} {
		if value != "" {
			if m.Labels == nil {
				m.Labels = make(map[string]string)
			}
			m.Labels[label] = value
		}
	}
	for _, z := range p.Hints.ForZones {
		m.zones = append(m.zones, z.Name)
	}
	return m, true, nil
}

// chosen are those that are named: the ones that are ready, of them those that are meant for the zone, if that is said of
// each; or, if none is ready, all.
func (c *config) chosen(all []merged) (list []muxendpoint.Instance) {
	ready := slices.ContainsFunc(all, func(m merged) bool { return m.ready })
	if ready {
		all = slices.DeleteFunc(all, func(m merged) bool { return !m.ready })
	}
	ours := func(m merged) bool { return slices.Contains(m.zones, c.zone) }
	hinted := ready && c.zone != "" && slices.ContainsFunc(all, ours) && !slices.ContainsFunc(all, func(m merged) bool { return len(m.zones) == 0 })
	for _, m := range all {
		if !hinted || ours(m) {
			list = append(list, m.Instance)
		}
	}
	return list
}
