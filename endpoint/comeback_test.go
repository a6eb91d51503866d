package endpoint

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// village is a network in memory whose services come and go, for bubbles.
type village struct {
	mu     sync.Mutex
	houses map[string]*house // by address
}

// house is a listener of a village.
type house struct {
	door   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (h *house) Accept() (net.Conn, error) {
	select {
	case nc := <-h.door:
		return nc, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *house) Close() error   { h.once.Do(func() { close(h.closed) }); return nil }
func (h *house) Addr() net.Addr { return &net.TCPAddr{} }

var errNobodyHome = errors.New("connection refused")

// dial is for muxpool.WithDialContext.
func (v *village) dial(ctx context.Context, _, address string) (net.Conn, error) {
	v.mu.Lock()
	h := v.houses[address]
	v.mu.Unlock()
	if h == nil {
		return nil, errNobodyHome
	}
	ours, theirs := net.Pipe()
	select {
	case h.door <- theirs:
		return ours, nil
	case <-h.closed:
		return nil, errNobodyHome
	}
}

// serve runs a native service at an address until stop.
func (v *village) serve(address string, methods map[string]endpoint.Endpoint) (stop func()) {
	_, stop = v.serveToo(address, methods)
	return stop
}

// serveToo is serve for who has something to tell the service.
func (v *village) serveToo(address string, methods map[string]endpoint.Endpoint) (s *transport.Service, stop func()) {
	return v.serveIn(native.Protocol{}, address, methods)
}

// serveIn is serveToo in another protocol.
func (v *village) serveIn(p transport.ServerProtocol, address string, methods map[string]endpoint.Endpoint, opts ...transport.ServiceOption) (s *transport.Service, stop func()) {
	h := &house{door: make(chan net.Conn), closed: make(chan struct{})}
	s = transport.NewService(p, opts...)
	for name, ep := range methods {
		s.Handle(name, transport.NewServer(ep, transport.DecodeBytes, transport.EncodeBytes))
	}
	v.mu.Lock()
	v.houses[address] = h
	v.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { s.Serve(h) })
	return s, sync.OnceFunc(func() {
		v.mu.Lock()
		delete(v.houses, address)
		v.mu.Unlock()
		s.Close()
		wg.Wait()
	})
}

// household is the wiring of the README over a village.
type household struct {
	*village
	pool     *muxpool.Multiplexed
	breakers *breaker.Group
	set      *Set
	disco    sd.Instancer
	methods  map[string]endpoint.Endpoint
	speaks   transport.ServerProtocol
}

// villagers runs test in a bubble.
func villagers(t *testing.T, disco sd.Instancer, test func(t *testing.T, h *household), opts ...Option) {
	synctest.Test(t, func(t *testing.T) {
		v := &village{houses: map[string]*house{}}
		pool, err := muxpool.New(muxpool.WithDialContext(v.dial))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		g := breaker.NewGroup()
		defer g.Close()
		defer g.Watch(pool)()
		h := &household{village: v, pool: pool, breakers: g, disco: disco, speaks: native.Protocol{}}
		h.set = NewSet(disco, nil, append([]Option{WithBreakers(g)}, opts...)...)
		defer h.set.Close()
		h.methods = map[string]endpoint.Endpoint{
			"Echo": func(_ context.Context, request any) (any, error) { return request, nil },
			"Slow": func(_ context.Context, request any) (any, error) { time.Sleep(2 * time.Second); return request, nil },
		}
		test(t, h)
	})
}

func (h *household) method(name string) func(ctx context.Context) error {
	ep := h.set.Endpoint(name, func(n transport.Node) *transport.Client {
		return transport.NewClient(h.pool, n, h.speaks, name, transport.EncodeBytes, transport.DecodeBytes)
	})
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, err := ep(ctx, []byte(`"hello"`))
		return err
	}
}

// out waits until all nodes of the Set are out.
func (h *household) out(t *testing.T, call func(ctx context.Context) error) {
	t.Helper()
	for range 1000 {
		open := 0
		for _, n := range h.set.Nodes() {
			if n.Open != nil {
				open++
			}
		}
		if open == len(h.set.Nodes()) {
			return
		}
		call(t.Context())
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the nodes do not go")
}

// back returns how long it takes until calls succeed, when somebody calls each 10 ms.
func (h *household) back(t *testing.T, call func(ctx context.Context) error) time.Duration {
	t.Helper()
	began := time.Now()
	for call(t.Context()) != nil {
		if time.Since(began) > time.Minute {
			t.Fatal("not back within a minute")
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// Nobody has configured a Prober, and nobody calls while they are down, or many do.
func TestNodesThatWereDownFor40SecondsAreBackWithinASecond(t *testing.T) {
	for _, busy := range []bool{true, false} {
		villagers(t, sd.FixedInstancer{"a:1", "b:1"}, func(t *testing.T, h *household) {
			call := h.method("Echo")
			stops := []func(){h.serve("a:1", h.methods), h.serve("b:1", h.methods)}
			if err := call(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, stop := range stops {
				stop()
			}
			h.out(t, call)
			for began := time.Now(); time.Since(began) < 40*time.Second; time.Sleep(20 * time.Millisecond) {
				if busy {
					call(t.Context())
				}
			}
			before := h.refusals()
			for _, address := range []string{"a:1", "b:1"} {
				defer h.serve(address, h.methods)()
			}
			if busy {
				if d := h.back(t, call); d > time.Second {
					t.Errorf("back after %v", d)
				}
				return
			}
			time.Sleep(time.Second)
			h.allBack(t)
			if after := h.refusals(); after != before {
				t.Errorf("the return cost calls: %+v, then %+v", before, after)
			}
		})
	}
}

func (h *household) refusals() (sum breaker.Totals) {
	for _, st := range h.breakers.Status() {
		sum.Failures += st.Totals.Failures
		sum.Refused += st.Totals.Refused
		sum.Neutral += st.Totals.Neutral
	}
	return sum
}

func (h *household) allBack(t *testing.T) {
	t.Helper()
	synctest.Wait()
	for _, n := range h.set.Nodes() {
		if n.Open != nil {
			t.Errorf("%s is out: %v", n.Node, n.Open)
		}
	}
}

// The first call that a node gets after its return is slow: no other waits for it.
func TestAFastCallDoesNotWaitForASlowOneThatCameFirst(t *testing.T) {
	villagers(t, sd.FixedInstancer{"a:1"}, func(t *testing.T, h *household) {
		fast, slow := h.method("Echo"), h.method("Slow")
		stop := h.serve("a:1", h.methods)
		fast(t.Context())
		stop()
		h.out(t, fast)
		defer h.serve("a:1", h.methods)()
		time.Sleep(time.Second)
		synctest.Wait()
		done := make(chan error)
		go func() { done <- slow(context.Background()) }()
		time.Sleep(time.Millisecond)
		if err := fast(t.Context()); err != nil {
			t.Errorf("the fast one: %v", err)
		}
		if err := bounded.Receive(t, done); err != nil {
			t.Errorf("the slow one: %v", err)
		}
	})
}

// A dead process is dropped by discovery, and a new one is named at its address.
func TestANewProcessAtADeadOnesAddressIsCalledAtOnce(t *testing.T) {
	disco := discover()
	villagers(t, disco, func(t *testing.T, h *household) {
		call := h.method("Echo")
		disco.now(h.set, "a:1")
		stop := h.serve("a:1", h.methods)
		if err := call(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop()
		h.out(t, call)
		for range 1000 { // callers, for 20 s
			call(t.Context())
			time.Sleep(20 * time.Millisecond)
		}
		disco.now(h.set, "b:1") // an empty list would keep it
		time.Sleep(10 * time.Second)
		defer h.serve("a:1", h.methods)()
		disco.now(h.set, "a:1")
		if d := h.back(t, call); d > 100*time.Millisecond {
			t.Errorf("the new process is called after %v", d)
		}
	})
}
