package endpoint

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// serverEnv makes this test binary, run once more, a server at the address that it holds.
const serverEnv = "MUXENDPOINT_TEST_SERVER"

func init() {
	address := os.Getenv(serverEnv)
	if address == "" {
		return
	}
	peertest.EndWithInput()
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	s := transport.NewService(native.Protocol{})
	s.Handle("Echo", transport.NewServer(func(_ context.Context, request any) (any, error) { return request, nil },
		transport.DecodeBytes, transport.EncodeBytes))
	s.Serve(l)
	os.Exit(1)
}

// startServer runs a server process at an address. It is ready when this returns; kill
// kills it.
func startServer(t *testing.T, address string) (at string, kill func()) {
	t.Helper()
	p, at := peertest.StartAt(t, func() *exec.Cmd { return peertest.Again(serverEnv + "=" + address) }, "")
	return at, p.Kill
}

// out waits until the breakers of all nodes are open, and calls meanwhile.
func (s *scene) out(t *testing.T, ep endpoint.Endpoint) {
	t.Helper()
	ctx := WithCallOptions(t.Context(), CallWithoutWait())
	s.until(t, "the breakers do not open", func() bool {
		ep(ctx, []byte("x"))
		for _, n := range s.Nodes() {
			if n.Open == nil {
				return false
			}
		}
		return true
	})
}

// until waits for what must happen.
func (s *scene) until(t *testing.T, not string, yes func() bool) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("%+v", s.breakers.Status())
		}
	}()
	eventually(t, not, yes)
}

// eventually waits for what must happen.
func eventually(t *testing.T, not string, yes func() bool) {
	t.Helper()
	for limit := new(bounded.Limit); !yes(); time.Sleep(5 * time.Millisecond) {
		if limit.Over() {
			t.Fatal(not)
		}
	}
}

// newProcessScene is the wiring of the README, but for ejections of ten minutes: nothing but a
// probe ends them in time.
func newProcessScene(t *testing.T, nodes sd.Instancer, opts ...Option) (*scene, endpoint.Endpoint) {
	pool := newPool(t)
	g := breaker.NewGroup(breaker.WithEjectionTime(10*time.Minute, 10*time.Minute))
	t.Cleanup(g.Close)
	t.Cleanup(g.Watch(pool))
	s := &scene{Set: NewSet(nodes, nil, append(opts, WithBreakers(g))...), pool: pool, breakers: g}
	t.Cleanup(s.Close)
	return s, s.Endpoint("Echo", echoClient(pool))
}

// Both server processes are killed under load, and started again a while later.
func TestKilledProcessesAreBackSoonAfterTheyWereStartedAgain(t *testing.T) {
	a, killA := startServer(t, keptPort(t))
	b, killB := startServer(t, keptPort(t))
	s, ep := newProcessScene(t, sd.FixedInstancer{a, b})
	for range 20 {
		if _, err := ep(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	killA()
	killB()
	s.out(t, ep)
	startServer(t, a)
	startServer(t, b)
	s.until(t, "the nodes are not back", func() bool { // by no call
		for _, n := range s.Nodes() {
			if n.Open != nil {
				return false
			}
		}
		return true
	})
	for range 20 {
		if _, err := ep(t.Context(), []byte("x")); err != nil {
			t.Errorf("a call to nodes that are back: %v", err)
		}
	}
}

// A process is killed, dropped by discovery, and a new one is started and named at its address.
func TestANewProcessAtAKilledOnesAddressIsCalled(t *testing.T) {
	a, kill := startServer(t, keptPort(t))
	d := discover(a)
	s, ep := newProcessScene(t, d, WithKeepNodes(DropAtOnce, 0))
	if _, err := ep(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	kill()
	s.out(t, ep)
	d.now(s.Set)
	equal(t, "nodes", len(s.Nodes()), 0)
	startServer(t, a)
	d.now(s.Set, a)
	s.until(t, "the new process is not called", func() bool {
		_, err := ep(t.Context(), []byte("x"))
		return err == nil
	})
}
