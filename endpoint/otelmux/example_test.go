package otelmux_test

import (
	"context"
	"fmt"
	"net"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/otelmux"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// A line on each side: the server's span is a child of the client's attempt.
func Example() {
	spans := tracetest.NewSpanRecorder()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))

	service := muxtransport.NewService(native.Protocol{}, otelmux.Server(otelmux.WithTracerProvider(tracers)))
	upper := func(_ context.Context, request any) (any, error) {
		return []byte(strings.ToUpper(string(request.([]byte)))), nil
	}
	service.Handle("Upper", muxtransport.NewServer(upper, muxtransport.DecodeBytes, muxtransport.EncodeBytes))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- service.Serve(l) }()

	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	set := muxendpoint.NewSet(muxendpoint.FixedInstances{{Address: l.Addr().String()}}, nil,
		otelmux.Client("texts", otelmux.WithTracerProvider(tracers)))
	call := set.Endpoint("Upper", func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(pool, n, native.Protocol{}, "Upper", muxtransport.EncodeBytes, muxtransport.DecodeBytes)
	})
	answer, err := call(context.Background(), []byte("hello"))
	fmt.Printf("%s %v\n", answer, err)
	if err := service.Shutdown(context.Background()); err != nil { // the server's span ends behind its answer
		fmt.Println(err)
	}
	<-ended
	set.Close()
	pool.Close()

	names := make(map[string]string) // of spans, by their ids
	for _, s := range spans.Ended() {
		names[s.SpanContext().SpanID().String()] = s.Name() + " (" + s.SpanKind().String() + ")"
	}
	for _, s := range spans.Ended() {
		set := attribute.NewSet(s.Attributes()...)
		status, _ := set.Value("rpc.status_code")
		fmt.Printf("%s, %s, in %q\n", names[s.SpanContext().SpanID().String()], status.AsString(), names[s.Parent().SpanID().String()])
	}
	// Unordered output:
	// HELLO <nil>
	// Upper (server), OK, in "Upper attempt (internal)"
	// Upper attempt (internal), OK, in "Upper (client)"
	// Upper (client), OK, in ""
}
