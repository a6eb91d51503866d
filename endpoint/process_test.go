package endpoint

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
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
	go func() { // it ends with the test
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
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
	for range 50 { // the port may be slow to become free
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), serverEnv+"="+address)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		kill := func() {
			cmd.Process.Kill()
			cmd.Wait()
			in.Close()
		}
		if err == nil && !strings.HasPrefix(line, "error:") {
			t.Cleanup(kill)
			return strings.TrimSpace(line), kill
		}
		kill()
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no server at %s", address)
	return "", nil
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
	for end := time.Now().Add(20 * time.Second); !yes(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
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
	a, killA := startServer(t, "127.0.0.1:0")
	b, killB := startServer(t, "127.0.0.1:0")
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
	a, kill := startServer(t, "127.0.0.1:0")
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
