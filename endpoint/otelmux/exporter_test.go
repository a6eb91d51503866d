package otelmux

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// stuck is an exporter whose collector does not answer.
type stuck struct {
	release chan struct{}
	end     context.Context // of the test
}

func (s stuck) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	select {
	case <-s.release:
	case <-s.end.Done():
	}
	return nil
}

func (s stuck) Shutdown(context.Context) error { return nil }

// A collector that does not answer blocks no call: spans beyond the SDK's queue are lost.
func TestAStuckExporterBlocksNoCall(t *testing.T) {
	ctx := testContext(t)
	exporter := stuck{make(chan struct{}), ctx}
	p := newProcess(t, "p")
	p.tracers = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter, sdktrace.WithMaxQueueSize(8), sdktrace.WithMaxExportBatchSize(4)))
	t.Cleanup(func() {
		close(exporter.release)
		if err := p.tracers.Shutdown(testContext(t)); err != nil {
			t.Error(err)
		}
	})
	address, _ := serve(t, native.Protocol{}, map[string]*muxtransport.Server{"M": raw(func(_ context.Context, r any) (any, error) { return r, nil })},
		Server(p.with()...))
	call := newSet(t, []muxendpoint.Option{Client("s", p.with()...)}, address).Endpoint("M", clientOf(newPool(t), native.Protocol{}, "M"))
	for range 100 {
		if _, err := call(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
}
