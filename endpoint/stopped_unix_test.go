//go:build unix

package endpoint

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// servesEnv makes this test binary a service: see serveProcess.
const servesEnv = "MUXENDPOINT_TEST_SERVES"

func init() {
	if os.Getenv(servesEnv) == "" {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s := transport.NewService(native.Protocol{})
	s.Handle("Echo", transport.NewServer(func(_ context.Context, request any) (any, error) { return request, nil },
		transport.DecodeBytes, transport.EncodeBytes))
	fmt.Println(l.Addr())
	peertest.EndWithInput()
	s.Serve(l)
	os.Exit(0)
}

// serveProcess runs Echo in a process of its own.
func serveProcess(t *testing.T) (address string, process *os.Process) {
	p := peertest.Start(t, peertest.Again(servesEnv+"=1"))
	return p.Line(""), p.Cmd.Process
}

// A process that is stopped holds its connections and answers nothing. With the options of
// the README no idempotent call is lost to it, and none waits for more than its attempt's
// share.
func TestAStoppedProcessLosesNoIdempotentCall(t *testing.T) {
	stopped, process := serveProcess(t)
	well, _ := serveEcho(t)
	pool := newPool(t)
	g := breaker.NewGroup(breaker.WithMaxEjection(0.5))
	defer g.Close()
	defer g.Watch(pool)()
	s := NewSet(sd.FixedInstancer{stopped, well}, nil, WithBreakers(g), WithRetry(3, 500*time.Millisecond))
	defer s.Close()
	echo := TypedFrom[[]byte, []byte](s.Endpoint("Echo", echoClient(pool), WithSpec(Spec{Idempotent: true})))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	call := func() {
		begin := time.Now()
		got, err := echo(ctx, []byte("x"))
		if err != nil || !bytes.HasSuffix(got, []byte("x")) {
			t.Fatalf("%q, %v after %v", got, err, time.Since(begin))
		}
	}
	for range 20 { // both are connected
		call()
	}
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for range 30 {
		call()
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("30 calls took %v", took)
	}
	process.Signal(syscall.SIGCONT)
}
