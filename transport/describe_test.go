package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// describer returns what asks a node for a description.
func describer(t *testing.T, node transport.Node, options ...transport.ClientOption) func(transport.DescribeRequest) (transport.Description, error) {
	t.Helper()
	ask := transport.NewClient(newPool(t), node, native.Protocol{}, "mux.describe", transport.EncodeJSON,
		transport.DecodeJSON[transport.Description], options...).Endpoint()
	return func(r transport.DescribeRequest) (transport.Description, error) {
		answer, err := ask(testContext(t), r)
		d, _ := answer.(transport.Description)
		return d, err
	}
}

type order struct {
	ID    string `json:"id"`
	Lines []struct {
		Article string `json:"article"`
		Count   int    `json:"count,omitempty"`
	} `json:"lines"`
}

// What a Service says of itself is what was registered.
func TestDescription(t *testing.T) {
	s := serve(t, map[string]*transport.Server{
		"shop.Order": transport.NewServer(echo, transport.DecodeJSON[order], transport.EncodeJSON,
			transport.ServerTypes(transport.JSONType[order](), transport.TypeDescription{Codec: "protobuf", Type: "shop.Receipt"})),
		"shop.Raw":  rawServer(echo),
		"shop.Half": transport.NewServer(echo, transport.DecodeJSON[order], transport.EncodeJSON),
		"shop.Held": transport.NewServer(echo, transport.DecodeBuffer, transport.EncodeResponseBuffer),
		"stock.Own": transport.NewServer(echo, transport.NopRequestDecoder, func(context.Context, *transport.Message, any) error { return nil }),
	}, transport.ServiceDescribe(), transport.ServiceMaxInFlight(7, 0), transport.ServiceMaxFrameSize(1<<20), transport.ServiceMaxMetadata(3, 300))
	s.SetServing("stock", false)
	s.SetServing("shop", true)
	describe := describer(t, s.node)
	d, err := describe(transport.DescribeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Build.Go == "" {
		t.Error("it does not say what it was built with")
	}
	d.Build = transport.BuildDescription{}
	raw := &transport.TypeDescription{Codec: "bytes"}
	want := transport.Description{
		Version:  1,
		Protocol: transport.ProtocolDescription{Name: "muxkit/2", OneWay: true},
		Limits:   transport.LimitsDescription{FrameBytes: 1 << 20, CallsInFlight: 7, MetadataPairs: 3, MetadataBytes: 300},
		Services: []transport.ServiceDescription{{Name: "", Health: "serving"}, {Name: "shop", Health: "serving"}, {Name: "stock", Health: "not serving"}},
		Methods: []transport.MethodDescription{
			{Name: "shop.Half", Answer: &transport.TypeDescription{Codec: "json"}},
			{Name: "shop.Held", Request: raw, Answer: raw},
			{Name: "shop.Order", Answer: &transport.TypeDescription{Codec: "protobuf", Type: "shop.Receipt"},
				Request: &transport.TypeDescription{Codec: "json", Type: "transport_test.order", Fields: []transport.FieldDescription{
					{Name: "id", Type: "string"},
					{Name: "lines", Type: "[]object", Fields: []transport.FieldDescription{{Name: "article", Type: "string"}, {Name: "count", Type: "integer"}}},
				}}},
			{Name: "shop.Raw", Request: raw, Answer: raw},
			{Name: "stock.Own"},
		},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("it says\n%+v\nwant\n%+v", d, want)
	}
	s.Handle("stock.New", rawServer(echo))
	if d, err = describe(transport.DescribeRequest{Prefix: "stock."}); err != nil || len(d.Methods) != 2 || d.Methods[0].Name != "stock.New" {
		t.Errorf("of stock it says %+v, %v", d.Methods, err)
	}
	if m := s.Stats().Methods; len(m) != 6 {
		t.Errorf("the methods are %v", m)
	}
}

// Thousands of methods come in pages, each of which fits into any frame.
func TestLongDescriptionsHavePages(t *testing.T) {
	s := serve(t, nil, transport.ServiceDescribe(), transport.ServiceMaxFrameSize(16<<10))
	want := make([]string, 0, 2002)
	fields := transport.TypeDescription{Codec: "json", Type: "wide", Fields: slices.Repeat([]transport.FieldDescription{{Name: "a field of some length", Type: "string"}}, 1000)}
	for i := range 2000 {
		want = append(want, fmt.Sprintf("shop.%04d\x00<%s", i, strings.Repeat("m", i%50)))
		s.Handle(want[i], rawServer(echo))
		s.Handle(fmt.Sprintf("shop.%04d\xff", i), rawServer(echo)) // is not listed
	}
	want = append(want, "shop.wide", "shop.zz"+strings.Repeat("z", 1017))
	s.Handle(want[2000], rawServer(echo, transport.ServerTypes(fields, fields)))
	s.Handle(want[2001], rawServer(echo))
	s.Handle("shop.\xff", rawServer(echo))
	s.Handle("shop."+strings.Repeat("z", 1020), rawServer(echo))
	s.Handle("other", rawServer(echo))
	for i := range 300 {
		s.SetServing(fmt.Sprint("service", i), true)
	}
	describe := describer(t, s.node)
	var got []string
	var wide transport.MethodDescription
	pages, unlisted := 0, 0
	for r := (transport.DescribeRequest{Prefix: "shop."}); ; pages++ {
		d, err := describe(r)
		if err != nil {
			t.Fatalf("page %d: %v", pages, err)
		}
		if b, _ := json.Marshal(d); len(b) > 9<<10 || len(d.Methods) == 0 {
			t.Fatalf("page %d has %d bytes, and %d methods", pages, len(b), len(d.Methods))
		}
		if b, _ := json.Marshal(d.Services); len(b) > 4<<10+len("[]") || pages == 0 && len(b) < 4<<10-50 { // half of a page
			t.Errorf("page %d: the services have %d bytes", pages, len(b))
		}
		for _, m := range d.Methods {
			if got = append(got, m.Name); m.Name == "shop.wide" {
				wide = m
			}
		}
		if pages == 0 && (len(d.Services) < 50 || d.Services[0].Name != "") || pages > 0 && len(d.Services) > 0 {
			t.Errorf("page %d: %d services are listed, %d services and methods left out", pages, len(d.Services), d.LeftOut)
		}
		if unlisted += d.LeftOut; pages == 0 {
			unlisted -= 301 - len(d.Services)
		}
		if r.After = d.Next; r.After == "" {
			break
		}
	}
	if unlisted != 2002 {
		t.Errorf("%d methods are left out, want 2002", unlisted)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d methods are listed, want %d", len(got), len(want))
	}
	if pages < 5 || pages > 50 {
		t.Errorf("there are %d pages", pages)
	}
	if wide.Request == nil || wide.Request.Type != "wide" || !wide.Request.Cut || wide.Request.Fields != nil {
		t.Errorf("a method that has a page's size alone is described as %+v", wide.Request)
	}
}

// Who may ask is decided as for other methods, and off is as if it were not there.
func TestWhoMayAskForADescription(t *testing.T) {
	refused := func(what string, code verdict.Code, d transport.Description, err error) {
		t.Helper()
		if v := verdict.Of(err); v.Code != code || !v.Answered || d.Version != 0 {
			t.Errorf("%s: %v, %+v", what, err, d)
		}
	}
	off := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	d, err := describer(t, off.node)(transport.DescribeRequest{})
	refused("off", verdict.CodeUnimplemented, d, err)
	if off.Stats().Refused.Unknown != 1 {
		t.Error("it is not counted as unknown")
	}

	type tokenKey struct{}
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceDescribe(
		transport.ServerBefore(func(ctx context.Context, m *transport.Message) context.Context {
			return context.WithValue(ctx, tokenKey{}, m.Metadata["token"])
		}),
		transport.ServerMiddleware(func(next endpoint.Endpoint) endpoint.Endpoint {
			return func(ctx context.Context, request any) (any, error) {
				if ctx.Value(tokenKey{}) != "right" {
					return nil, &transport.Error{Code: transport.CodePermissionDenied}
				}
				return next(ctx, request)
			}
		})))
	d, err = describer(t, s.node)(transport.DescribeRequest{})
	refused("without a token", verdict.CodePermissionDenied, d, err)
	d, err = describer(t, s.node, transport.ClientBefore(transport.SetRequestMetadata("token", "right")))(transport.DescribeRequest{})
	if err != nil || len(d.Methods) != 1 {
		t.Errorf("with the token: %+v, %v", d, err)
	}
}

func TestRequestsForDescriptionsThatMakeNoSense(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceDescribe())
	ask := transport.NewClient(newPool(t), s.node, native.Protocol{}, "mux.describe", transport.EncodeBytes, transport.DecodeBytes).Endpoint()
	for _, body := range []string{"[", `"shop"`, `{"prefix":1}`, "\xff"} {
		if _, err := ask(testContext(t), []byte(body)); verdict.Of(err).Code != verdict.CodeInvalidArgument {
			t.Errorf("%q: %v", body, err)
		}
	}
	answer, err := ask(testContext(t), []byte(`{"of a later version":1,"after":"\uffff"}`))
	if err != nil || !bytes.Contains(answer.([]byte), []byte(`"methods":[]`)) {
		t.Errorf("behind the last: %s, %v", answer, err)
	}
}

func TestServiceDescribeThatMakesNoSense(t *testing.T) {
	for name, s := range map[string]*transport.Service{
		"trpc.Protocol has no method for a description": transport.NewService(trpc.Protocol{}, transport.ServiceDescribe()),
		"one of its options or hooks is nil":            transport.NewService(native.Protocol{}, transport.ServiceDescribe(nil)),
	} {
		if err := s.Err(); !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(fmt.Sprint(err), "ServiceDescribe: "+name) {
			t.Errorf("want %s: %v", name, err)
		}
	}
	for name, option := range map[string]transport.ServerOption{"ServerBefore": transport.ServerBefore(nil), "ServerErrorEncoder": transport.ServerErrorEncoder(nil),
		"ServerErrorHandler": transport.ServerErrorHandler(nil)} {
		err := transport.NewService(native.Protocol{}, transport.ServiceDescribe(option)).Err()
		if !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(fmt.Sprint(err), "ServiceDescribe: one of its options or hooks is nil") {
			t.Errorf("%s(nil): %v", name, err)
		}
	}
	for _, options := range [][]transport.ServiceOption{nil, {transport.ServiceDescribe()}} {
		s := transport.NewService(otherName{}, options...)
		if s.Handle("$describe", rawServer(echo)); !errors.Is(s.Err(), transport.ErrInvalidOption) || !strings.Contains(fmt.Sprint(s.Err()), "Handle($describe)") {
			t.Errorf("a Server for the protocol's own method: %v", s.Err())
		}
	}
}

type otherName struct{ native.Protocol }

func (otherName) DescribeMethod() string { return "$describe" }

// A description is much larger than the request for it, and who sends datagrams may not be
// who they say.
func TestNoDescriptionInDatagrams(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := transport.NewService(native.Protocol{}, transport.ServiceDescribe())
	s.Handle("M", rawServer(echo))
	ended := make(chan error, 1)
	go func() { ended <- s.ServePacket(pc) }()
	defer func() { s.Close(); bounded.Receive(t, ended) }()
	d, err := describer(t, transport.Node{Network: "udp", Address: pc.LocalAddr().String()})(transport.DescribeRequest{})
	if v := verdict.Of(err); v.Code != verdict.CodeUnimplemented || !strings.Contains(fmt.Sprint(err), "forged") || d.Version != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}
