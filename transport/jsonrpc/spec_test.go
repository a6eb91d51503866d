package jsonrpc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// specMethods are those of the examples of https://www.jsonrpc.org/specification#examples.
func specMethods() map[string]*transport.Server {
	type pair struct{ Minuend, Subtrahend int }
	subtract := func(_ context.Context, req *transport.Message) (any, error) {
		var p pair
		if params := jsonrpc.Params(req); params[0] == '{' {
			return p, json.Unmarshal(params, &p)
		}
		var list [2]int
		err := json.Unmarshal(jsonrpc.Params(req), &list)
		return pair{list[0], list[1]}, err
	}
	method := func(dec transport.DecodeRequestFunc, f func(any) any) *transport.Server {
		return transport.NewServer(func(_ context.Context, r any) (any, error) { return f(r), nil }, dec, transport.EncodeJSON)
	}
	nothing := method(transport.NopRequestDecoder, func(any) any { return nil })
	return map[string]*transport.Server{
		"subtract": method(subtract, func(r any) any { return r.(pair).Minuend - r.(pair).Subtrahend }),
		"sum": method(jsonrpc.DecodeParams[[]int], func(r any) any {
			sum := 0
			for _, n := range r.([]int) {
				sum += n
			}
			return sum
		}),
		"get_data": method(transport.NopRequestDecoder, func(any) any { return []any{"hello", 5} }),
		"update":   nothing, "notify_hello": nothing, "notify_sum": nothing,
	}
}

const invalidRequest = `{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}`

// The examples of the specification, in its order; no answer: nothing is returned.
var specExamples = []struct{ name, request, answer string }{
	{"positional parameters", `{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}`, `{"jsonrpc": "2.0", "result": 19, "id": 1}`},
	{"positional parameters, turned", `{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}`, `{"jsonrpc": "2.0", "result": -19, "id": 2}`},
	{"named parameters", `{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}`, `{"jsonrpc": "2.0", "result": 19, "id": 3}`},
	{"named parameters, turned", `{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}`, `{"jsonrpc": "2.0", "result": 19, "id": 4}`},
	{"a notification", `{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}`, ``},
	{"a notification of what is not there", `{"jsonrpc": "2.0", "method": "foobar"}`, ``},
	{"non-existent method", `{"jsonrpc": "2.0", "method": "foobar", "id": "1"}`,
		`{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}`},
	{"invalid JSON", `{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]`,
		`{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}`},
	{"invalid request object", `{"jsonrpc": "2.0", "method": 1, "params": "bar"}`, invalidRequest},
	{"batch, invalid JSON", `[
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
]`, `{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}`},
	{"an empty array", `[]`, invalidRequest},
	{"an invalid batch, but not empty", `[1]`, `[` + invalidRequest + `]`},
	{"an invalid batch", `[1,2,3]`, `[` + invalidRequest + `,` + invalidRequest + `,` + invalidRequest + `]`},
	{"a batch", `[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]`, `[
        {"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        ` + invalidRequest + `,
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ]`},
	{"a batch of notifications", `[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]`, ``},
}

// essence is an answer without what the specification leaves open: the order in a
// batch, what a message says behind its first words, and data.
func essence(answer any) []string {
	if list, ok := answer.([]any); ok {
		all := []string{fmt.Sprintf("batch of %d", len(list))}
		for _, one := range list {
			all = append(all, essence(one)...)
		}
		sort.Strings(all[1:])
		return all
	}
	o := answer.(map[string]any)
	if e, ok := o["error"].(map[string]any); ok {
		delete(e, "data")
		e["message"], _, _ = strings.Cut(e["message"].(string), ":")
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return []string{string(b)}
}

func TestSpecificationExamples(t *testing.T) {
	const last = `{"jsonrpc":"2.0","id":"last","method":"sum","params":[1]}`
	s := serve(t, jsonrpc.Protocol{}, specMethods())
	for _, version := range []jsonrpc.Version{jsonrpc.VersionAny, jsonrpc.Version2} {
		s := s
		if version != jsonrpc.VersionAny {
			s = serve(t, jsonrpc.Protocol{Version: version}, specMethods())
		}
		for _, example := range specExamples {
			t.Run(fmt.Sprintf("%s, option %d", example.name, version), func(t *testing.T) {
				c := dial(t, s.node)
				c.send(example.request)
				if example.answer == "" {
					c.send(last)
					c.want(`{"jsonrpc":"2.0","id":"last","result":1}`)
					return
				}
				var want any
				if err := json.Unmarshal([]byte(example.answer), &want); err != nil {
					t.Fatal(err)
				}
				if got, want := fmt.Sprint(essence(c.next())), fmt.Sprint(essence(want)); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}
