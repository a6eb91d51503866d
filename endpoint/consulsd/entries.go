package consulsd

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// What of a service's meta is a Registrar's.
const (
	metaZone  = "zone"
	metaOwner = "muxkit-registrar"
)

// What Consul says of a node, as far as it is needed: /v1/health/service.
type (
	node struct {
		Node struct {
			Node, Address string
			Meta          map[string]string
			Locality      locality
		}
		Service struct {
			ID       string
			Tags     []string
			Address  string
			Port     int
			Meta     map[string]string
			Weights  weights
			Locality locality
		}
		Checks []struct{ Status string }
	}
	locality struct{ Zone string }
)

const maxWeight = 65535 // Consul's

// entries are what is known of a service. They belong to the goroutine that follows it.
type entries struct {
	byID  map[string]muxendpoint.Instance // by machine and id
	index uint64                          // of the last answer; 0: there was none
	had   bool                            // a node was named once

	// held are instances of before Consul lost its data, that it does not have again: they are named until
	// the time is over.
	held  map[string]muxendpoint.Instance
	until time.Time

	complaints discovery.Complaints
}

// list makes an answer all that there is, and reports whether Consul has lost its data since the last. What is
// missing then is held. If it has entries, and none of them is an instance, nothing is changed.
func (e *entries) list(a answer, c *config) (lost bool, err error) {
	byID := make(map[string]muxendpoint.Instance, len(a.entries))
	none := &discovery.NoneError{Entries: len(a.entries)}
	for _, raw := range a.entries {
		id, in, named, err := parse(raw, c)
		if err != nil {
			e.complaints.LeftOut(id, err)
			none.First = err
		}
		if err == nil && named {
			byID[id] = in
		}
	}
	if len(byID) == 0 && none.First != nil {
		return false, none
	}
	if lost = a.index < e.index; lost {
		if e.held == nil {
			e.held = make(map[string]muxendpoint.Instance)
		}
		maps.Copy(e.held, e.byID)
		e.until = time.Now().Add(c.grace)
	}
	for id := range byID {
		delete(e.held, id)
	}
	e.byID, e.index, e.had = byID, a.index, e.had || len(byID) > 0
	return lost, nil
}

// release ends the time of what is held, if it is over, and reports whether it was just now.
func (e *entries) release() bool {
	if len(e.held) == 0 || time.Now().Before(e.until) {
		return false
	}
	e.held = nil
	return true
}

// instances are those that are named now, each address once, in the order of their addresses.
func (e *entries) instances() []muxendpoint.Instance {
	byAddress := make(map[string]muxendpoint.Instance, len(e.byID)+len(e.held))
	for _, all := range []map[string]muxendpoint.Instance{e.held, e.byID} {
		for _, id := range slices.Sorted(maps.Keys(all)) {
			byAddress[all[id].Address] = all[id]
		}
	}
	list := make([]muxendpoint.Instance, 0, len(byAddress))
	for _, address := range slices.Sorted(maps.Keys(byAddress)) {
		list = append(list, byAddress[address])
	}
	return list
}

// parse makes an instance of an entry, if it is named. The id is for whoever is told of errors, too.
func parse(raw []byte, c *config) (id string, in muxendpoint.Instance, named bool, err error) {
	var n node
	if err := json.Unmarshal(raw, &n); err != nil {
		return string(raw), in, false, err
	}
	id = n.Node.Node + "/" + n.Service.ID
	weight, label, named := n.health(c.warning)
	switch {
	case weight < 0 || weight > maxWeight:
		return id, in, named, fmt.Errorf("its weight is %d", weight)
	case !named || !tagged(n.Service.Tags, c.tags):
		return id, in, false, nil
	}
	if in.Address, err = n.address(); err != nil {
		return id, in, true, err
	}
	if weight != 1 {
		in.Weight = uint32(weight)
	}
	in.Labels = map[string]string{"node": n.Node.Node}
	if len(n.Service.Tags) > 0 {
		in.Labels["tags"] = strings.Join(n.Service.Tags, ",")
	}
	maps.Copy(in.Labels, n.Service.Meta)
	delete(in.Labels, metaOwner)
	delete(in.Labels, metaZone)
	if label != "" {
		in.Labels["health"] = label
	}
	for _, zone := range []string{n.Service.Meta[metaZone], n.Service.Locality.Zone, n.Node.Locality.Zone, n.Node.Meta[metaZone]} {
		if in.Zone == "" {
			in.Zone = zone
		}
	}
	if _, err := muxendpoint.ParseInstance(in.String()); err != nil {
		return id, in, true, err
	}
	return id, in, true, nil
}

// health is the worst of what the checks say: whether the node is named, and with which weight.
func (n *node) health(warning bool) (weight int, label string, named bool) {
	if weight = n.Service.Weights.Passing; weight == 0 {
		weight = 1 // Consul before 1.2.3 has none
	}
	for _, check := range n.Checks {
		switch check.Status {
		case "passing":
		case "warning":
			weight, label = n.Service.Weights.Warning, "warning"
		default:
			return 0, "", false
		}
	}
	return weight, label, label == "" || warning && weight != 0
}

// address is where the service is.
func (n *node) address() (string, error) {
	host := n.Service.Address
	if host == "" {
		host = n.Node.Address
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	switch {
	case host == "":
		return "", errors.New("neither the service nor its machine has an address")
	case n.Service.Port < 1 || n.Service.Port > 65535:
		return "", fmt.Errorf("its port is %d", n.Service.Port)
	}
	address := net.JoinHostPort(host, strconv.Itoa(n.Service.Port))
	if _, err := muxendpoint.ParseNode(address); err != nil {
		return "", err
	}
	return address, nil
}

// tagged reports whether all of the wanted tags are there.
func tagged(tags, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(tag string) bool { return !slices.Contains(tags, tag) })
}
