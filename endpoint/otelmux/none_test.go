package otelmux

import (
	"context"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"go.opentelemetry.io/otel"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func factory(of func(instance string) endpoint.Endpoint) sd.Factory {
	return func(instance string) (endpoint.Endpoint, io.Closer, error) { return of(instance), nil, nil }
}

// Without providers nothing is put around a call: it allocates what it does without this
// package, and sends nothing with it.
func TestWithoutProvidersACallCostsNothing(t *testing.T) {
	ctx, request := context.Background(), any("x")
	carried := false
	allocs := func(options ...muxendpoint.Option) float64 {
		set := newSet(t, append(options, muxendpoint.WithRetry(3, 0)), "10.0.0.1:1")
		call := set.EndpointFrom("M", factory(func(string) endpoint.Endpoint {
			return func(ctx context.Context, r any) (any, error) {
				carried = carried || ctx.Value(muxtransport.ContextKeyMetadata) != nil
				return r, nil
			}
		}))
		return bounded.Allocs(200, func() {
			if _, err := call(ctx, request); err != nil {
				t.Fatal(err)
			}
		})
	}
	bare := allocs()
	for name, option := range map[string]muxendpoint.Option{
		"none is set": Client("s"),
		"no-op ones":  Client("s", WithTracerProvider(tracenoop.NewTracerProvider()), WithMeterProvider(metricnoop.NewMeterProvider())),
	} {
		if with := allocs(option); with != bare || carried {
			t.Errorf("%s: %v allocations a call, %v without the option; trace context carried: %v", name, with, bare, carried)
		}
	}
	if with := allocs(Client("s", newProcess(t, "p").with()...)); with <= bare || !carried {
		t.Errorf("with providers: %v allocations, %v without; trace context carried: %v", with, bare, carried)
	}
	if err := muxtransport.NewService(native.Protocol{}, Server()).Err(); err != nil {
		t.Error(err)
	}
	group := breaker.NewGroup()
	defer group.Close()
	if stop, err := Breakers(group); err != nil || stop() != nil {
		t.Error(err)
	}
	if stop, err := Pool(newPool(t)); err != nil || stop() != nil {
		t.Error(err)
	}
}

// Whether a global provider was set is known from what otel gives out, in a process of its
// own, since a global one cannot be taken back.
func TestGlobalProvidersAreFound(t *testing.T) {
	const child = "OTELMUX_TEST_GLOBAL"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestGlobalProvidersAreFound$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if c := newConfig(nil); c.traced() || c.measured() {
		t.Fatal("providers are found before any is set")
	}
	p := newProcess(t, "p")
	otel.SetTracerProvider(p.tracers)
	if c := newConfig(nil); !c.traced() || c.measured() {
		t.Error("one global provider is set, and the other not")
	}
	otel.SetMeterProvider(p.meters)
	if c := newConfig([]Option{nil, WithTracerProvider(nil), WithMeterProvider(nil), WithPropagators(nil), WithFilter(nil), WithSystem("")}); !c.traced() || !c.measured() ||
		c.propagator == nil || c.filter == nil || c.system != "muxkit" {
		t.Error("the global providers are set, and what is nil is a default")
	}
}
