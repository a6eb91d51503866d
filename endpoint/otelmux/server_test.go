package otelmux

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// The span of a server belongs to that of the client's attempt, with its tracestate; on a
// public endpoint it begins a trace and links to that. What makes no sense is no trace.
func TestServerSpansAndTheirClients(t *testing.T) {
	const parent = "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-00" // not sampled
	for name, c := range map[string]struct {
		options        []Option
		traceparent    string
		joined, linked bool
	}{
		"joined":      {nil, strings.TrimSuffix(parent, "00") + "01", true, false},
		"not sampled": {nil, parent, false, false},
		"none":        {nil, "", false, false},
		"nonsense":    {nil, "00-zz-\x00", false, false},
		"public":      {[]Option{WithPublicEndpoint()}, parent, false, true},
	} {
		for _, protocol := range []interface {
			muxtransport.Protocol
			muxtransport.ServerProtocol
		}{native.Protocol{}, trpc.Protocol{}} {
			p := newProcess(t, "server")
			seen := make(chan trace.SpanContext, 1)
			address, stop := serve(t, protocol, map[string]*muxtransport.Server{"/s/M": raw(func(ctx context.Context, r any) (any, error) {
				seen <- trace.SpanContextFromContext(ctx)
				return r, nil
			})}, Server(p.with(c.options...)...))
			pool := newPool(t)
			ctx := context.WithValue(testContext(t), muxtransport.ContextKeyMetadata,
				muxtransport.Metadata{"traceparent": c.traceparent, "tracestate": "vendor=7"})
			if _, err := clientOf(pool, protocol, "/s/M")(muxtransport.Node{Network: "tcp", Address: address}).Endpoint()(ctx, []byte("x")); err != nil {
				t.Fatal(err)
			}
			sc := bounded.Receive(t, seen)
			pool.Close()
			stop()
			if joined := sc.TraceID().String() == parent[3:35] && sc.IsSampled(); joined != c.joined {
				t.Errorf("%s: the endpoint runs in %v", name, sc)
			}
			if c.joined && sc.TraceState().String() != "vendor=7" {
				t.Errorf("%s: tracestate is %q", name, sc.TraceState())
			}
			var links []sdktrace.Link
			for _, s := range p.spans.Ended() {
				links = append(links, s.Links()...)
			}
			if linked := len(links) == 1 && links[0].SpanContext.TraceID().String() == parent[3:35]; linked != c.linked {
				t.Errorf("%s: links %v", name, links)
			}
			if sampled := len(p.spans.Ended()) == 1; sampled != (name != "not sampled") {
				t.Errorf("%s: %d spans", name, len(p.spans.Ended()))
			}
		}
	}
}

// Other propagators travel too, beside metadata that the caller sends anyway.
func TestPropagatorsAndMetadata(t *testing.T) {
	p := newProcess(t, "both")
	both := WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	seen := make(chan string, 1)
	address, _ := serve(t, native.Protocol{}, map[string]*muxtransport.Server{"M": muxtransport.NewServer(
		func(ctx context.Context, r any) (any, error) {
			seen <- baggage.FromContext(ctx).Member("user").Value() + " " + ctx.Value(tokenKey{}).(string)
			return r, nil
		}, muxtransport.DecodeBytes, muxtransport.EncodeBytes, muxtransport.ServerBefore(
			func(ctx context.Context, m *muxtransport.Message) context.Context {
				return context.WithValue(ctx, tokenKey{}, m.Get("token"))
			}))}, Server(p.with(both)...))
	set := newSet(t, []muxendpoint.Option{Client("s", p.with(both)...)}, address)
	member, err := baggage.NewMember("user", "7")
	if err != nil {
		t.Fatal(err)
	}
	bag, err := baggage.New(member)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(baggage.ContextWithBaggage(testContext(t), bag), muxtransport.ContextKeyMetadata, muxtransport.Metadata{"token": "secret"})
	if _, err := set.Endpoint("M", clientOf(newPool(t), native.Protocol{}, "M"))(ctx, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := bounded.Receive(t, seen); got != "7 secret" {
		t.Errorf("the endpoint saw %q", got)
	}
}

type tokenKey struct{}
