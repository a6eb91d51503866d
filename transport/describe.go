package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Describer is an optional part of a Protocol with a method of its own by which a client
// asks a Service what it serves. Its request is empty or a DescribeRequest in JSON, its
// answer a Description in JSON. A Service answers it under ServiceDescribe only, and Handle
// refuses its name.
type Describer interface {
	DescribeMethod() string
}

// ServiceDescribe lets clients ask what the Service serves: its methods with what
// ServerTypes says of them, the services of SetServing with their health, its limits for one
// client, and the versions of what it was built from. Default: it is a method that is not
// there.
//
// The options are those of the Server that answers: who may ask is decided as for every
// other method, by a ServerMiddleware with a ServerBefore, and without one everybody may who
// can connect. One answer has 32 KiB of methods at most; a call counts against the
// same limits as others. On datagrams, whose source may be forged, it is not answered.
//
// A protocol that has no method for it (see Describer) makes it an error.
func ServiceDescribe(options ...ServerOption) ServiceOption {
	return func(o *serviceOptions) { o.describes, o.describe = true, options }
}

// DescribeRequest is the body of a request for a Description.
type DescribeRequest struct {
	Prefix string `json:"prefix,omitempty"` // only methods whose names begin with it
	After  string `json:"after,omitempty"`  // only methods whose names are greater, byte by byte
}

// DescriptionVersion is the Version of a Description. Members may be added under the same
// version; one that changes its meaning, or goes, makes another.
const DescriptionVersion = 1

// Description is what a Service says of itself, or a page of it.
type Description struct {
	Version  int                  `json:"version"` // DescriptionVersion
	Protocol ProtocolDescription  `json:"protocol"`
	Build    BuildDescription     `json:"build"`
	Limits   LimitsDescription    `json:"limits"`
	Services []ServiceDescription `json:"services"` // of SetServing, by name; the Service as a whole is first, and is ""; on the first page
	Methods  []MethodDescription  `json:"methods"`  // by name
	// Next is the After of the request for the next page; empty: this is the last.
	Next string `json:"next,omitempty"`
	// LeftOut is how many services and methods of this page are not listed: their names are no UTF-8, or
	// have over 1 KiB, or they are services for which the first page has no room.
	LeftOut int `json:"left_out,omitempty"`
}

// ProtocolDescription is what the Service speaks.
type ProtocolDescription struct {
	Name   string `json:"name,omitempty"` // as in TLS's ALPN; empty: it has none
	OneWay bool   `json:"one_way"`        // any method may be called without an answer
}

// BuildDescription says what a Service's program was built from, as far as the program
// knows: see debug.ReadBuildInfo.
type BuildDescription struct {
	Go      string `json:"go,omitempty"`
	Main    string `json:"main,omitempty"`    // the main module's path
	Version string `json:"version,omitempty"` // its version
	Muxkit  string `json:"muxkit,omitempty"`  // this module's
}

// LimitsDescription is what one client may send: see ServiceLimits.
type LimitsDescription struct {
	FrameBytes    int `json:"frame_bytes"`
	CallsInFlight int `json:"calls_in_flight"` // on a connection
	MetadataPairs int `json:"metadata_pairs"`  // of a request
	MetadataBytes int `json:"metadata_bytes"`
}

// ServiceDescription is a name of SetServing.
type ServiceDescription struct {
	Name   string `json:"name"`
	Health string `json:"health"` // serving, or not serving
}

// MethodDescription is a method. What is not known of it is left out.
type MethodDescription struct {
	Name    string           `json:"name"`
	Request *TypeDescription `json:"request,omitempty"`
	Answer  *TypeDescription `json:"answer,omitempty"`
}

const (
	describedBytes = 32 << 10 // of services and methods in an answer, as JSON
	describedName  = 1 << 10
)

// answerDescribe is the endpoint of DescribeMethod.
func (s *Service) answerDescribe(ctx context.Context, request any) (any, error) {
	if c, ok := ctx.Value(contextKeyConn).(*connContext); ok && c.datagram {
		return nil, &Error{Code: CodeUnimplemented, Message: "a description is not sent in datagrams, whose source may be forged"}
	}
	var r DescribeRequest
	if body := request.([]byte); len(body) > 0 {
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, &Error{Code: CodeInvalidArgument, Message: "a request for a description is empty or a JSON object: " + err.Error(), Err: err}
		}
	}
	d := Description{
		Version: DescriptionVersion,
		Build:   build(),
		Limits:  LimitsDescription{s.limits.MaxFrameSize, s.limits.MaxInFlightPerConn, s.limits.MaxMetadataPairs, s.limits.MaxMetadataBytes},
	}
	if p, ok := s.protocol.(NextProtocol); ok {
		d.Protocol.Name = p.NextProtocol()
	}
	_, d.Protocol.OneWay = s.protocol.(OneWayer)
	most := min(describedBytes, s.limits.MaxFrameSize/2)
	err := s.describeMethods(&d, r, most-s.describeServices(&d, r, most/2))
	if err != nil {
		return nil, err
	}
	return json.Marshal(d)
}

// describeServices adds the services, if it is the first page, up to most bytes, and returns
// how many they have.
func (s *Service) describeServices(d *Description, r DescribeRequest, most int) (size int) {
	d.Services = []ServiceDescription{}
	if r.After != "" {
		return 0
	}
	for _, name := range s.health.list() {
		service := ServiceDescription{name, s.Health(name).String()}
		b, err := json.Marshal(service)
		if err != nil || !listable(name) || size+len(b) >= most {
			d.LeftOut++
			continue
		}
		d.Services, size = append(d.Services, service), size+len(b)+len(",")
	}
	return size
}

// describeMethods adds the methods that are asked for, as many as have room in most bytes,
// but at least one.
func (s *Service) describeMethods(d *Description, r DescribeRequest, most int) error {
	routes := *s.routes.Load()
	names := make([]string, 0, len(routes))
	for name := range routes {
		if strings.HasPrefix(name, r.Prefix) && name > r.After {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	d.Methods = []MethodDescription{}
	left, skipped := most, 0 // skipped belong to the page of the method behind them
	for _, name := range names {
		if !listable(name) {
			skipped++
			continue
		}
		m, size, err := routes[name].server.describe(name, most)
		if err != nil {
			return err
		}
		if left -= size; left < 0 && len(d.Methods) > 0 {
			d.Next = d.Methods[len(d.Methods)-1].Name
			return nil
		}
		d.Methods = append(d.Methods, m)
		d.LeftOut, skipped = d.LeftOut+skipped, 0
	}
	d.LeftOut += skipped
	return nil
}

func listable(name string) bool { return len(name) <= describedName && utf8.ValidString(name) }

// settleDescribe sets what answers DescribeMethod.
func (s *Service) settleDescribe() {
	d, can := s.protocol.(Describer)
	switch {
	case can && s.describes:
		server := NewServer(s.answerDescribe, DecodeBytes, EncodeBytes, s.describe...)
		if server.hasNil() || server.errorEncoder == nil || server.errorHandler == nil {
			s.invalid = append(s.invalid, fmt.Errorf("%w: ServiceDescribe: one of its options or hooks is nil", ErrInvalidOption))
		}
		s.own[d.DescribeMethod()] = &route{method: d.DescribeMethod(), server: server}
	case can:
		s.own[d.DescribeMethod()] = nil
	case s.describes && s.protocol != nil:
		s.invalid = append(s.invalid, fmt.Errorf("%w: ServiceDescribe: %T has no method for a description", ErrInvalidOption, s.protocol))
	}
}

// build is what this program was built from.
var build = sync.OnceValue(func() BuildDescription {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return BuildDescription{}
	}
	const muxkit = "github.com/muxkit/muxkit"
	b := BuildDescription{Go: info.GoVersion, Main: info.Main.Path, Version: info.Main.Version}
	if b.Main == muxkit {
		b.Muxkit = b.Version
	}
	for _, m := range info.Deps {
		if m.Path == muxkit {
			b.Muxkit = m.Version
		}
	}
	return b
})
