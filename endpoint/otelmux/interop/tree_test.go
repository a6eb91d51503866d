package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/otelmux"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport/native"
)

const waitTime = time.Minute

func text(v *common.AnyValue) string {
	switch v := v.Value.(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_IntValue:
		return fmt.Sprint(v.IntValue)
	case *common.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	}
	return v.String()
}

// start runs a process of a role until the test ends.
func start(t *testing.T, role string, env ...string) (address string) {
	t.Helper()
	p := peertest.Start(t, peertest.Again(append(env, roleEnv+"="+role)...))
	address, ok := strings.CutPrefix(p.Line("ready "), "ready ")
	if !ok {
		t.Fatalf("%s is not ready", role)
	}
	return address
}

// One call is one trace, through five processes that know nothing of each other but
// addresses: retried and hedged by shop, over the native protocol, tRPC and gRPC, where
// otelgrpc takes it on and hands it back. The spans go to a collector, by OTLP.
func TestOneTraceThroughProcesses(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	defer cancel()
	collected, collector := startCollector(t)
	dir := t.TempDir()
	release := filepath.Join(dir, "release")
	common := []string{collectorEnv + "=" + collector, begunEnv + "=" + filepath.Join(dir, "begun"), releaseEnv + "=" + release}
	stock := stockEnv + "=" + start(t, "stock", common...) + "," + start(t, "stock", common...)
	ledger := ledgerEnv + "=" + start(t, "ledger", append(common, stock)...)
	shop := start(t, "shop", append(common, stock, ledger)...)

	tracers, err := trace(ctx, "front", collector)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tracers.Shutdown(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		pool.Close()
		bounded.Receive(t, pool.Done())
	}()
	set := muxendpoint.NewSet(muxendpoint.FixedInstances{{Address: shop}}, nil, otelmux.Client("shop", otelmux.WithTracerProvider(tracers)))
	defer set.Close()
	got, err := set.Endpoint("Buy", clientOf(pool, native.Protocol{}, "Buy"))(ctx, []byte("nonce 4711"))
	if err != nil || string(got.([]byte)) != "nonce 4711" {
		t.Fatal(got, err)
	}
	if err := os.WriteFile(release, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	want := strings.TrimPrefix(`
Buy [front, client] attempts=1 status_code=OK
  Buy attempt [front, internal] number=1 hedge=false status_code=OK
    Buy [shop, server] status_code=OK
      Reserve [shop, client] attempts=2 status_code=OK
        Reserve attempt [shop, internal] number=1 hedge=false status_code=UNKNOWN type=UNKNOWN
          Reserve [stock, server] status_code=UNKNOWN type=UNKNOWN
        Reserve attempt [shop, internal] number=2 hedge=false status_code=OK
          Reserve [stock, server] status_code=OK
      Price [shop, client] attempts=2 status_code=OK
        Price attempt [shop, internal] number=1 hedge=false status_code=CANCELED
          Price [stock, server] status_code=OK
        Price attempt [shop, internal] number=2 hedge=true status_code=OK
          Price [stock, server] status_code=OK
      grpc.health.v1.Health/Check [shop, client]
        grpc.health.v1.Health/Check [ledger, server]
          Audit [ledger, client] attempts=1 status_code=OK
            Audit attempt [ledger, internal] number=1 hedge=false status_code=OK
              Audit [stock, server] status_code=OK
`, "\n")
	for drawn, n := "", 0; ; {
		drawn, n = collected.tree("muxkit.call.attempts", "muxkit.attempt.number", "muxkit.attempt.hedge", "rpc.status_code", "error.type")
		if drawn == want {
			return
		}
		if n >= strings.Count(want, "\n") {
			t.Fatalf("the tree is\n%s\nwant\n%s", drawn, want)
		}
		select {
		case <-collected.more:
		case <-ctx.Done():
			t.Fatalf("the tree is\n%s\nwant\n%s", drawn, want)
		}
	}
}
