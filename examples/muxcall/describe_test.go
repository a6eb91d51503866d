package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

func TestListAndDescribe(t *testing.T) {
	type request struct {
		ID    string `json:"id"`
		Lines []struct {
			Count int `json:"count"`
			//lint:ignore SA5008 a name that a shell would trip over
			Gift bool `json:"it's a gift"`
		} `json:"lines"`
		Notes map[string]string `json:"notes"`
	}
	n := serve(t, native.Protocol{}, transport.ServiceDescribe())
	n.SetServing("shop", false)
	n.Handle("shop.Order", transport.NewServer(func(context.Context, any) (any, error) { return nil, nil },
		transport.DecodeJSON[request], transport.EncodeJSON, transport.ServerTypes(transport.JSONType[request](), transport.JSONType[int]())))
	n.Handle("shop.Evil\x1b[2J", transport.NewServer(func(context.Context, any) (any, error) { return nil, nil },
		transport.DecodeBytes, transport.EncodeJSON, transport.ServerTypes(transport.TypeDescription{Codec: "x\x1b", Type: "y\u202e"}, transport.TypeDescription{})))
	command(t, "", "list", n.address, "shop.").check(t, exitOK, `"shop.Evil\x1b[2J"`+"\nshop.Order\n")
	command(t, "", "describe", n.address, "shop.Order").check(t, exitOK, `method    shop.Order
request   main.request (json)
  id  string
  lines  []object
    count  integer
    it's a gift  bool
  notes  map[string]string
answer    integer (json)
try       muxcall [flags] `+n.address+` shop.Order '{"id":"","lines":[{"count":0,"it'\''s a gift":false}],"notes":{}}'
`)
	command(t, "", "describe", n.address, "Echo").check(t, exitOK, `method    Echo
request   bytes
answer    bytes
try       muxcall -raw [flags] `+n.address+` Echo @FILE
`)
	r := command(t, "", "describe", n.address)
	for _, say := range []string{"protocol  muxkit/2, calls may be one-way\n", "takes     4194304 bytes in a frame, 4096 calls", "service   (the node) serving\n",
		"service   shop not serving\n", "method    Echo  bytes -> bytes\n", "method    shop.Order  main.request (json) -> integer (json)\n", `"y\u202e" ("x\x1b") -> ?`} {
		if !strings.Contains(r.out, say) {
			t.Errorf("it does not say %q:\n%s", say, r.out)
		}
	}
	if strings.ContainsAny(r.out, "\x1b\u202e") {
		t.Errorf("a terminal would obey this: %q", r.out)
	}
	command(t, "", "describe", n.address, "Shop.order").check(t, exitRefused, "", `the node has no method "Shop.order"; it has shop.Order`)
	command(t, "", "describe", n.address, "x\x1b").check(t, exitRefused, "", `no method "x\x1b"`)
	off := serve(t, native.Protocol{})
	command(t, "", "list", off.address).check(t, exitRefused, "", "hint    the node does not describe itself")
	command(t, "", "list", peertest.Nobody(t)).check(t, exitUnsent, "", "hint    nothing listens there")
	guarded := serve(t, native.Protocol{}, transport.ServiceDescribe(transport.ServerBefore(
		func(ctx context.Context, m *transport.Message) context.Context {
			return context.WithValue(ctx, metaKey{}, m.Metadata)
		}),
		transport.ServerErrorEncoder(transport.DefaultErrorEncoder), transport.ServerMiddleware(onlyBlue)))
	command(t, "", "list", guarded.address).check(t, exitRefused, "", "hint    -H sends credentials")
	if r := command(t, "", "list", "-H", "tenant=blue", guarded.address); r.code != exitOK || !strings.Contains(r.out, "Echo\n") {
		t.Errorf("with the right metadata: %+v", r)
	}
}

func onlyBlue(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		if ctx.Value(metaKey{}).(transport.Metadata)["tenant"] != "blue" {
			return nil, &transport.Error{Code: transport.CodePermissionDenied}
		}
		return next(ctx, request)
	}
}

// A description in many pages is read to its end, and one without an end is not.
func TestPagesOfADescription(t *testing.T) {
	n := serve(t, native.Protocol{}, transport.ServiceDescribe())
	nothing := transport.NewServer(func(context.Context, any) (any, error) { return []byte{}, nil }, transport.DecodeBytes, transport.EncodeBytes)
	var want strings.Builder
	for i := range 1000 {
		name := fmt.Sprintf("m%03d.%s", i, strings.Repeat("long", 20))
		n.Handle(name, nothing)
		want.WriteString(name + "\n")
	}
	command(t, "", "list", n.address, "m").check(t, exitOK, want.String())
	for what, pages := range map[string]func(r transport.DescribeRequest) transport.Description{
		"in version 2, and this command knows 1": func(transport.DescribeRequest) transport.Description { return transport.Description{Version: 2} },
		"description has no end": func(transport.DescribeRequest) transport.Description {
			return transport.Description{Version: 1, Next: "a"}
		},
	} {
		liar := serve(t, renamed{})
		liar.Handle("describe", transport.NewServer(func(_ context.Context, r any) (any, error) { return pages(r.(transport.DescribeRequest)), nil },
			transport.DecodeJSON[transport.DescribeRequest], transport.EncodeJSON))
		q := &inquiry{streams: streams{}}
		q.node, q.plug, q.timeout = transport.Node{Network: "tcp", Address: liar.address}, asks{}, 0
		if err := q.each(t.Context(), "", func(transport.Description) error { return nil }); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want %q: %v", what, err)
		}
	}
}

// renamed leaves the name of the method for a description to the test, and asks knows it.
type renamed struct{ native.Protocol }

func (renamed) DescribeMethod() string { return "another" }

type asks struct{ native.Protocol }

func (asks) DescribeMethod() string { return "describe" }

// JSON-RPC has no description, but services may have that of OpenRPC.
func TestOpenRPC(t *testing.T) {
	const document = `{"openrpc":"1.3.2","info":{"title":"Shop","version":"2.0"},"methods":[
		{"name":"sum","paramStructure":"by-position","params":[{"name":"a","schema":{"type":"integer"}},{"name":"b","schema":{"type":"array","items":{"type":"string"}}}],"result":{"name":"r","schema":{"type":"boolean"}}},
		{"name":"order","params":[{"name":"id","schema":{"$ref":"#/components/schemas/ID"}},{"name":"any","schema":{"items":true}}]}]}`
	n := serve(t, jsonrpc.Protocol{})
	n.Handle("rpc.discover", transport.NewServer(func(context.Context, any) (any, error) { return json.RawMessage(document), nil },
		transport.NopRequestDecoder, transport.EncodeJSON))
	at := []string{"-protocol", "jsonrpc", n.address}
	command(t, "", append([]string{"list"}, at...)...).check(t, exitOK, "order\nsum\n")
	command(t, "", append(append([]string{"describe"}, at...), "sum")...).check(t, exitOK, `method    sum
request   params by position (json)
  a  integer
  b  []string
answer    bool (json)
try       muxcall -protocol jsonrpc [flags] `+n.address+` sum '[0,[]]'
`)
	command(t, "", append(append([]string{"describe"}, at...), "order")...).check(t, exitOK, `method    order
request   params (json)
  id  ID
  any  any
answer    ?
try       muxcall -protocol jsonrpc [flags] `+n.address+` order '{"id":null,"any":null}'
`)
	if r := command(t, "", append([]string{"describe"}, at...)...); r.code != exitOK || !strings.HasPrefix(r.out, "protocol  OpenRPC 1.3.2, calls may be one-way\nbuild     Shop 2.0\nmethod") {
		t.Errorf("of the node: %+v", r)
	}
	without := serve(t, jsonrpc.Protocol{})
	command(t, "", "list", "-protocol", "jsonrpc", without.address).check(t, exitRefused, "", "JSON-RPC has no description of its own, and this node has no method rpc.discover")
	without.Handle("rpc.discover", transport.NewServer(func(context.Context, any) (any, error) { return "no", nil }, transport.NopRequestDecoder, transport.EncodeJSON))
	command(t, "", "list", "-protocol", "jsonrpc", without.address).check(t, exitRefused, "", "is no OpenRPC document")
}

// What was wrong is said with what to look at.
func TestHints(t *testing.T) {
	ca, caFile := authority(t)
	_, otherFile := authority(t)
	certFile, keyFile := pair(t, ca, "127.0.0.1")
	open := serve(t, native.Protocol{}, transport.ServiceTLSFiles(certFile, keyFile, ""))
	mutual := serve(t, native.Protocol{}, transport.ServiceTLSFiles(certFile, keyFile, caFile))
	plain, json, tencent := serve(t, native.Protocol{}), serve(t, jsonrpc.Protocol{}), serve(t, trpc.Protocol{})
	for _, c := range []struct {
		says string
		args []string
	}{
		{"does it speak native (-protocol), and does it want TLS (-tls)?", []string{open.address, "Echo"}},
		{"-ca names a file with the authority", []string{"-ca", otherFile, open.address, "Echo"}},
		{"-servername is the name", []string{"-ca", caFile, "-servername=elsewhere", open.address, "Echo"}},
		{"the node wants a certificate that it trusts: -cert and -key", []string{"-ca", caFile, mutual.address, "Echo"}},
		{"does the node speak TLS on this port?", []string{"-tls", plain.address, "Echo"}},
		{"the node answers in something else: does it speak native?", []string{json.address, "Echo"}},
		{"does it speak jsonrpc? See -protocol", []string{"-protocol=jsonrpc", "-ca", caFile, open.address, "Echo"}},
		{"muxcall list [flags] " + plain.address, []string{plain.address, "Absent"}},
		{"a function's name is /package.Service/Function", []string{"-protocol=trpc", tencent.address, "Absent"}},
		{"in the service's .proto file", []string{"-protocol=trpc", tencent.address, "/a.B/Absent"}},
		{"is the host's name spelled right", []string{"no such host.invalid:80", "Echo"}},
		{"nothing listens there", []string{peertest.Nobody(t), "Echo"}},
		{"there is no such socket", []string{"unix:" + caFile + ".sock", "Echo"}},
		{"-timeout is the time for connection, call and answer", []string{"-timeout=1ns", plain.address, "Echo"}},
		{"over udp nothing tells", []string{"-timeout=2s", "udp:" + silent(t), "Echo"}},
	} {
		r := command(t, "", c.args...)
		if r.code == exitOK || strings.Count(r.err, "\n  hint    ") != 1 || !strings.Contains(r.err, c.says) {
			t.Errorf("%q: exit code %d, and no hint %q:\n%s", c.args, r.code, c.says, r.err)
		}
	}
}
