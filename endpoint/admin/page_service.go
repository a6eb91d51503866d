package admin

import (
	"cmp"
	"maps"
	"slices"

	muxtransport "github.com/muxkit/muxkit/transport"
)

// service is a Service.
type service struct {
	Name    string   `json:"name"`
	Health  string   `json:"health"`
	Gauges  []gauge  `json:"gauges"`
	Methods []method `json:"methods"` // by name
	Refused []count  `json:"refused"` // that are not 0, by what was refused or why
}

// gauge is a figure of now and its limit.
type gauge struct {
	What string `json:"what"`
	Now  int64  `json:"now"`
	Max  int64  `json:"max"` // 0: there is none
}

// method is muxtransport.MethodStats.
type method struct {
	Method  string  `json:"method"`
	Running int     `json:"running"`
	OK      uint64  `json:"ok"`
	Errors  []count `json:"errors"` // by code
}

// count is how often something was.
type count struct {
	What  string `json:"what"`
	Count uint64 `json:"count"`
}

func newService(name, health string, s muxtransport.ServiceStats) service {
	shown := service{Name: name, Health: health, Refused: refused(&s.Refused), Methods: make([]method, 0, len(s.Methods)), Gauges: []gauge{
		{"connections", int64(s.Conns), int64(s.Limits.MaxConns)},
		{"calls in flight", int64(s.InFlight), int64(s.Limits.MaxInFlight)},
		{"calls that wait for a worker", int64(s.Waiting), int64(s.Limits.MaxWaiting)},
		{"bytes in use", s.Bytes, int64(s.Limits.MaxBytes)},
	}}
	if s.Limits.Workers > 0 {
		shown.Gauges = append(shown.Gauges, gauge{"busy workers", int64(s.Working), int64(s.Limits.Workers)})
	}
	for name, m := range s.Methods {
		shown.Methods = append(shown.Methods, method{clean(name), m.Running, m.OK, errorCounts(m.Errors)})
	}
	slices.SortFunc(shown.Methods, func(a, b method) int { return cmp.Compare(a.Method, b.Method) })
	return shown
}

func errorCounts(by map[muxtransport.Code]uint64) []count {
	counts := []count{}
	for _, code := range slices.Sorted(maps.Keys(by)) {
		counts = append(counts, count{code.String(), by[code]})
	}
	return counts
}

// refused lists what the Service has refused, by the reason.
func refused(r *muxtransport.RefusedStats) []count {
	return slices.DeleteFunc([]count{
		{"connections", r.Conns}, {"calls of a connection", r.ConnCalls}, {"calls", r.Calls}, {"waiting", r.Waiting}, {"waited", r.Waited},
		{"bytes of a connection", r.ConnBytes}, {"bytes", r.Bytes}, {"frame too large", r.FrameTooLarge}, {"metadata", r.Metadata},
		{"connections of a peer", r.PeerConns}, {"calls of a peer", r.PeerCalls}, {"bytes of a peer", r.PeerBytes},
		{"unknown method", r.Unknown}, {"invalid", r.Invalid}, {"going away", r.GoingAway},
	}, func(c count) bool { return c.Count == 0 })
}
