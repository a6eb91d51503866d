package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// openRPC is what is read of a service's answer to rpc.discover: see https://spec.open-rpc.org.
type openRPC struct {
	Version string `json:"openrpc"`
	Info    struct {
		Title   string `json:"title"`
		Version string `json:"version"`
	} `json:"info"`
	Methods []struct {
		Name   string            `json:"name"`
		Params []openRPCContent  `json:"params"`
		Result *openRPCContent   `json:"result"`
		By     openRPCParamStyle `json:"paramStructure"`
	} `json:"methods"`
}

type openRPCContent struct {
	Name   string `json:"name"`
	Schema schema `json:"schema"`
}

// byPosition is the type of parameters that are a list.
const byPosition = "params by position"

// openRPCParamStyle is by-name, by-position or either, which is the default.
type openRPCParamStyle string

// schema is what is read of a JSON schema.
type schema struct {
	Ref   string    `json:"$ref"`
	Type  any       `json:"type"` // a text, or a list of them
	Items *anything `json:"items"`
}

// anything is a schema, which may also be a boolean.
type anything struct{ schema }

func (a *anything) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, &a.schema)
	}
	return nil
}

// discover is each for JSON-RPC, which has no description of its own: services that follow
// OpenRPC have a method for one.
func (q *inquiry) discover(ctx context.Context, pool muxpool.Pool, prefix string, f func(transport.Description) error) error {
	answer, err := q.client(pool, "rpc.discover").Endpoint()(ctx, []byte{})
	var e *transport.Error
	if errors.As(err, &e) && e.Remote && e.Code == transport.CodeUnimplemented {
		return &missing{"JSON-RPC has no description of its own, and this node has no method rpc.discover, as those of OpenRPC have"}
	}
	if err != nil {
		return err
	}
	var o openRPC
	if err := json.Unmarshal(answer.([]byte), &o); err != nil || o.Version == "" {
		return &missing{"the node's answer to rpc.discover is no OpenRPC document"}
	}
	d := transport.Description{Protocol: transport.ProtocolDescription{Name: "OpenRPC " + o.Version, OneWay: true},
		Build: transport.BuildDescription{Main: o.Info.Title, Version: o.Info.Version}}
	for _, m := range o.Methods {
		if !strings.HasPrefix(m.Name, prefix) {
			continue
		}
		method := transport.MethodDescription{Name: m.Name, Request: &transport.TypeDescription{Codec: "json", Type: "params"}}
		for _, p := range m.Params {
			method.Request.Fields = append(method.Request.Fields, transport.FieldDescription{Name: p.Name, Type: p.Schema.kind(0)})
		}
		if m.By == "by-position" {
			method.Request.Type = byPosition
		}
		if m.Result != nil {
			method.Answer = &transport.TypeDescription{Codec: "json", Type: m.Result.Schema.kind(0)}
		}
		d.Methods = append(d.Methods, method)
	}
	slices.SortFunc(d.Methods, func(a, b transport.MethodDescription) int { return strings.Compare(a.Name, b.Name) })
	return f(d)
}

// kind names a schema as a description names types.
func (s *schema) kind(depth int) string {
	if s.Ref != "" {
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	}
	switch kind, _ := s.Type.(string); kind {
	case "boolean":
		return "bool"
	case "array":
		if s.Items == nil || depth == maxNested {
			return "[]any"
		}
		return "[]" + s.Items.kind(depth+1)
	case "string", "number", "integer", "object":
		return kind
	}
	return "any"
}
