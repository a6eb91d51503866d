package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/otelmux"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// What a process is told by its environment.
const (
	collectorEnv = "OTELMUX_TEST_COLLECTOR" // where spans go
	stockEnv     = "OTELMUX_TEST_STOCK"     // the nodes of stock
	ledgerEnv    = "OTELMUX_TEST_LEDGER"    // the address of ledger
	begunEnv     = "OTELMUX_TEST_BEGUN"     // a file: it is there when the first attempt at a price has come, for which the second waits
	releaseEnv   = "OTELMUX_TEST_RELEASE"   // a file: when it is there, the first attempt goes on
)

// trace sets the process's provider up: each span is at the collector when it has ended.
func trace(ctx context.Context, name, collector string) (*sdktrace.TracerProvider, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(collector), otlptracehttp.WithInsecure())
	if err != nil {
		return nil, err
	}
	return sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", name)))), nil
}

// play is the process of a role. front, which is the test, calls shop; shop calls stock, by
// tRPC, and ledger, by gRPC; ledger calls stock.
func play(role string) {
	go func() { // it ends with the test
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := run(role); err != nil {
		fmt.Println("error:", err)
	}
	os.Exit(1)
}

func run(role string) error {
	tracers, err := trace(context.Background(), role, os.Getenv(collectorEnv))
	if err != nil {
		return err
	}
	otel.SetTracerProvider(tracers) // before anything is made: that is all that otelmux needs
	otel.SetTextMapPropagator(propagation.TraceContext{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	pool, err := muxpool.New()
	if err != nil {
		return err
	}
	fmt.Println("ready", l.Addr())
	switch role {
	case "shop":
		return shop(l, pool)
	case "stock":
		return stock(l)
	case "ledger":
		return ledger(l, pool)
	}
	return errors.New("no such role")
}

// toStock is a Set of the nodes of stock.
func toStock(pool muxpool.Pool) func(method string, options ...muxendpoint.Option) func(context.Context, any) (any, error) {
	var nodes muxendpoint.FixedInstances
	for _, a := range strings.Split(os.Getenv(stockEnv), ",") {
		nodes = append(nodes, muxendpoint.Instance{Address: a})
	}
	set := muxendpoint.NewSet(nodes, nil, otelmux.Client("stock"), muxendpoint.WithRetry(3, 0), muxendpoint.WithIdempotent(muxendpoint.Always))
	return func(method string, options ...muxendpoint.Option) func(context.Context, any) (any, error) {
		return set.Endpoint(method, clientOf(pool, trpc.Protocol{}, method), options...)
	}
}

func shop(l net.Listener, pool muxpool.Pool) error {
	to := toStock(pool)
	reserve, price := to("Reserve"), to("Price", muxendpoint.WithHedging(20*time.Millisecond))
	conn, err := grpc.NewClient(os.Getenv(ledgerEnv), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStatsHandler(otelgrpc.NewClientHandler()))
	if err != nil {
		return err
	}
	book := grpc_health_v1.NewHealthClient(conn)
	service := muxtransport.NewService(native.Protocol{}, otelmux.Server())
	service.Handle("Buy", raw(func(ctx context.Context, r any) (any, error) {
		_, r = attempt(r)
		if _, err := reserve(ctx, r); err != nil {
			return nil, err
		}
		answer, err := price(ctx, r)
		if err != nil {
			return nil, err
		}
		_, err = book.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: r.(string)})
		return answer, err
	}))
	return service.Serve(l)
}

func stock(l net.Listener) error {
	service := muxtransport.NewService(trpc.Protocol{}, otelmux.Server())
	service.Handle("Reserve", raw(func(_ context.Context, r any) (any, error) {
		if number, _ := attempt(r); number == "1" {
			return nil, errors.New("boom")
		}
		return r, nil
	}))
	service.Handle("Price", raw(func(_ context.Context, r any) (any, error) {
		number, body := attempt(r)
		if number != "1" {
			appears(begunEnv)
			return []byte(body), nil
		}
		if err := os.WriteFile(os.Getenv(begunEnv), nil, 0o600); err != nil {
			return nil, err
		}
		appears(releaseEnv)
		return []byte(body), nil
	}))
	service.Handle("Audit", raw(func(_ context.Context, r any) (any, error) { return r, nil }))
	return service.Serve(l)
}

// appears waits for the file of an environment variable; the test has a bound.
func appears(env string) {
	for {
		if _, err := os.Stat(os.Getenv(env)); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// attempt parts what numbered has made.
func attempt(request any) (number, body string) {
	number, body, _ = strings.Cut(string(request.([]byte)), " ")
	return number, body
}

func ledger(l net.Listener, pool muxpool.Pool) error {
	s := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler()))
	grpc_health_v1.RegisterHealthServer(s, &books{audit: toStock(pool)("Audit")})
	return s.Serve(l)
}

// books is a gRPC server that calls stock.
type books struct {
	grpc_health_v1.UnimplementedHealthServer
	audit func(context.Context, any) (any, error)
}

func (b *books) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if _, err := b.audit(ctx, r.Service); err != nil {
		return nil, err
	}
	return &grpc_health_v1.HealthCheckResponse{}, nil
}

func raw(e func(context.Context, any) (any, error)) *muxtransport.Server {
	return muxtransport.NewServer(e, muxtransport.DecodeBytes, muxtransport.EncodeBytes)
}

func clientOf(pool muxpool.Pool, protocol muxtransport.Protocol, method string) func(muxtransport.Node) *muxtransport.Client {
	return func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(pool, n, protocol, method, numbered, muxtransport.DecodeBytes)
	}
}

// numbered has a request begin with the number of its attempt.
func numbered(ctx context.Context, m *muxtransport.Message, request any) error {
	a, _ := muxendpoint.AttemptFromContext(ctx)
	m.Body = fmt.Appendf(nil, "%d %s", a.Number, request)
	return nil
}
