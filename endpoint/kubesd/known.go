package kubesd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// known is what the API server has told of a service. It belongs to the goroutine that follows it.
type known struct {
	slices  map[string]endpointSlice // by name
	version string                   // up to which they are known; empty: they never were
	had     bool                     // there was a slice

	told []muxendpoint.Instance // last

	// held are instances of before the API server lost its data, that it does not name again: they are named until the time
	// is over.
	held  []muxendpoint.Instance
	until time.Time
}

// has reports whether these are the slices that are known; their metadata suffice.
func (k *known) has(all []endpointSlice) bool {
	for _, s := range all {
		if v := s.Metadata.ResourceVersion; v == "" || k.slices[s.Metadata.Name].Metadata.ResourceVersion != v {
			return false
		}
	}
	return len(all) == len(k.slices)
}

// list makes slices all that there is, and reports whether the API server has lost its data since it told of any. What it
// does not name then is held.
func (k *known) list(all []endpointSlice, version string, grace time.Duration) (lost bool) {
	if lost = older(version, k.version); lost {
		k.held, k.until = k.told, time.Now().Add(grace)
	}
	k.version, k.slices = version, make(map[string]endpointSlice, len(all))
	for _, s := range all {
		k.slices[s.Metadata.Name] = s
	}
	return lost
}

// older reports whether a version is of before another: they are numbers of any length, and grow (KEP-5504). Of what is
// none it is not known.
func older(version, than string) bool {
	for _, v := range []string{version, than} {
		if v == "" || v[0] == '0' || strings.Trim(v, "0123456789") != "" {
			return false
		}
	}
	return cmp.Or(cmp.Compare(len(version), len(than)), cmp.Compare(version, than)) < 0
}

// apply follows an event.
func (k *known) apply(ev watchEvent) error {
	s := ev.Object
	switch ev.Type {
	case "ERROR":
		return refusal(s.Code, []byte(s.Message))
	case "ADDED", "MODIFIED", "DELETED", "BOOKMARK":
	default:
		return nil // of a newer server
	}
	if s.Metadata.ResourceVersion == "" || ev.Type != "BOOKMARK" && s.Metadata.Name == "" {
		return fmt.Errorf("an event %s without a name or a resourceVersion", ev.Type)
	}
	k.version = s.Metadata.ResourceVersion
	switch ev.Type {
	case "DELETED":
		delete(k.slices, s.Metadata.Name)
	case "ADDED", "MODIFIED":
		k.slices[s.Metadata.Name] = s
	}
	return nil
}

// tell adds what is held to the instances that are named, and notes what is told. One that is named again is not held any
// more.
func (k *known) tell(list []muxendpoint.Instance) []muxendpoint.Instance {
	named := make(map[string]bool, len(list))
	for _, in := range list {
		named[in.Address] = true
	}
	k.held = slices.DeleteFunc(slices.Clone(k.held), func(in muxendpoint.Instance) bool { return named[in.Address] })
	k.told = append(list, k.held...)
	slices.SortFunc(k.told, func(a, b muxendpoint.Instance) int { return cmp.Compare(a.Address, b.Address) })
	return k.told
}

// release ends the time of what is held, if it is over, and reports whether it was just now.
func (k *known) release() bool {
	if len(k.held) == 0 || time.Now().Before(k.until) {
		return false
	}
	k.held = nil
	return true
}
