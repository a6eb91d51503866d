package endpoint

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// replica is a node with a page for an orchestrator's probes, which outlasts its Services.
type replica struct {
	address string
	service atomic.Pointer[transport.Service]
	page    *httptest.Server
	stop    func()
}

func newReplica(t *testing.T) *replica {
	r := &replica{address: keptPort(t)}
	r.page = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.service.Load().HealthHandler().ServeHTTP(w, req)
	}))
	t.Cleanup(r.page.Close)
	r.start(t)
	return r
}

// start runs a Service, at the address that the one before had.
func (r *replica) start(t *testing.T) {
	t.Helper()
	s := transport.NewService(native.Protocol{})
	s.Handle("Echo", transport.NewServer(func(_ context.Context, request any) (any, error) { return request, nil },
		transport.DecodeBytes, transport.EncodeBytes))
	r.service.Store(s)
	if r.stop != nil && r.probe(t, "/readyz") != http.StatusServiceUnavailable {
		t.Error("ready before it serves")
	}
	var l net.Listener
	eventually(t, "the port is not free", func() (ok bool) {
		var err error
		l, err = net.Listen("tcp", r.address)
		return err == nil
	})
	r.address = l.Addr().String()
	r.stop = serveOn(t, s, l)
}

// probe asks as an orchestrator does.
func (r *replica) probe(t *testing.T, path string) int {
	t.Helper()
	resp, err := r.page.Client().Get(r.page.URL + path)
	if err != nil {
		t.Error(err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Three nodes are restarted, one after the other, as an orchestrator does it that looks at
// /readyz: each says that it wants no calls, serves those that come, tells who watches it, and
// goes when the probe has seen it; the next one goes when this one is ready again. Calls that
// may not be repeated are made, and all have their answer.
func TestHealthOverARollingRestart(t *testing.T) {
	replicas := []*replica{newReplica(t), newReplica(t), newReplica(t)}
	pool := newPool(t)
	g := breaker.NewGroup()
	defer g.Close()
	defer g.Watch(pool)()
	s := NewSet(sd.FixedInstancer{replicas[0].address, replicas[1].address, replicas[2].address}, nil, WithBreakers(g), WithRetry(3, 0))
	defer s.Close()
	echo := TypedFrom[[]byte, []byte](s.Endpoint("Echo", echoClient(pool)))
	var calls atomic.Int64
	over := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-over:
					return
				default:
				}
				nonce := fmt.Appendf(nil, "%d/%d", i, j)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				got, err := echo(ctx, nonce)
				cancel()
				calls.Add(1)
				if err != nil || !bytes.Equal(got, nonce) {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	answered := func(n int64) { // that many more calls
		t.Helper()
		from := calls.Load()
		eventually(t, "no call is answered", func() bool { return calls.Load() >= from+n })
	}
	for i, r := range replicas {
		answered(100)
		node, err := ParseNode(r.address)
		if err != nil {
			t.Fatal(err)
		}
		client := echoClient(pool)(node)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if health, err := client.Health(ctx, ""); health != transport.HealthServing || err != nil || r.probe(t, "/readyz") != http.StatusOK {
			t.Errorf("node %d before: %v, %v", i, health, err)
		}
		watched := make(chan string, 1)
		go func() {
			health, err := client.WatchHealth(ctx, "", transport.HealthServing)
			watched <- fmt.Sprint(health, err)
		}()
		r.service.Load().SetServing("", false)
		if got := bounded.Receive(t, watched); got != "not serving<nil>" && got != "not serving <nil>" {
			t.Errorf("node %d: who watches hears %s", i, got)
		}
		if ready, alive := r.probe(t, "/readyz"), r.probe(t, "/healthz"); ready != http.StatusServiceUnavailable || alive != http.StatusOK {
			t.Errorf("node %d, not serving: ready %d, alive %d", i, ready, alive)
		}
		if got, err := client.Endpoint()(ctx, []byte("late")); err != nil || string(got.([]byte)) != "late" {
			t.Errorf("node %d does not serve late calls: %v, %v", i, got, err)
		}
		if err := r.service.Load().Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if ready, alive := r.probe(t, "/readyz"), r.probe(t, "/healthz"); ready != http.StatusServiceUnavailable || alive != http.StatusOK {
			t.Errorf("node %d, gone: ready %d, alive %d", i, ready, alive)
		}
		r.stop()
		answered(100) // by the others
		r.start(t)
		eventually(t, "not ready again", func() bool { return r.probe(t, "/readyz") == http.StatusOK })
		eventually(t, "not asked again", func() bool {
			return r.service.Load().Stats().Methods["Echo"].OK > 0
		})
		cancel()
	}
	close(over)
	bounded.Wait(t, wg.Wait)
	t.Logf("%d calls, all answered", calls.Load())
}
