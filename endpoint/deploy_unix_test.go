//go:build unix

package endpoint

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// fleetEnv makes this test binary, run once more, a process of many nodes.
const fleetEnv = "MUXENDPOINT_TEST_FLEET"

func init() {
	if os.Getenv(fleetEnv) != "" {
		runFleet(os.Stdin, os.Stdout)
		os.Exit(0)
	}
}

// runFleet reads orders: "start 50" begins nodes and answers with their addresses, in a line; "stop address
// ..." shuts nodes down and answers with an empty line. It ends with its input.
func runFleet(orders io.Reader, answers io.Writer) {
	nodes := map[string]*transport.Service{}
	in := bufio.NewScanner(orders)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if words[0] == "start" {
			n, _ := strconv.Atoi(words[1])
			for range n {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					fmt.Fprintln(answers, "error:", err)
					return
				}
				s := transport.NewService(native.Protocol{})
				s.Handle("Echo", transport.NewServer(func(_ context.Context, request any) (any, error) { return request, nil }, transport.DecodeBytes, transport.EncodeBytes))
				go s.Serve(l)
				nodes[l.Addr().String()] = s
				fmt.Fprint(answers, l.Addr(), " ")
			}
			fmt.Fprintln(answers)
			continue
		}
		var wg sync.WaitGroup
		for _, address := range words[1:] {
			s := nodes[address]
			delete(nodes, address)
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				s.Shutdown(ctx)
			})
		}
		wg.Wait()
		fmt.Fprintln(answers)
	}
}

// fleetProcess is such a process.
type fleetProcess struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func startFleet(t *testing.T) *fleetProcess {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fleetEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		bounded.Wait(t, func() { cmd.Wait() })
	})
	return &fleetProcess{in, bufio.NewReader(out)}
}

func (f *fleetProcess) order(t *testing.T, words ...string) []string {
	t.Helper()
	fmt.Fprintln(f.in, strings.Join(words, " "))
	line, err := f.out.ReadString('\n')
	if err != nil || strings.Contains(line, "error:") {
		t.Fatalf("the nodes' process: %s %v", line, err)
	}
	return strings.Fields(line)
}

// customer is a client with a pool of its own, as a process has one.
type customer struct {
	*Set
	pool *muxpool.Multiplexed
	echo endpoint.Endpoint
}

func newCustomer(t *testing.T, nodes Instancer, opts ...Option) *customer {
	pool := newPool(t)
	g := breaker.NewGroup()
	t.Cleanup(g.Close)
	t.Cleanup(g.Watch(pool))
	c := &customer{Set: NewSet(nodes, nil, append([]Option{WithBreakers(g), WithRetry(3, 5*time.Second), WithIdempotent(Always)}, opts...)...), pool: pool}
	t.Cleanup(c.Close)
	c.echo = c.Endpoint("Echo", echoClient(pool))
	return c
}

func (c *customer) conns() (n int) {
	for _, node := range c.pool.Stats().Nodes {
		n += len(node.Conns)
	}
	return n
}

// expense is what this process has used.
type expense struct {
	cpu    time.Duration
	memory uint64 // in use, of heap and stacks, after a collection
}

func spent() expense {
	runtime.GC()
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return expense{time.Duration(u.Utime.Nano() + u.Stime.Nano()), m.HeapInuse + m.StackInuse}
}

// All nodes are replaced, in waves, under load, while clients hold a subset each: no call is lost, and what clients
// spend is told. With MUXPOOL_FULL set there are 1000 nodes, in a process of their own, and 50 clients, in this one.
func TestADeployOfAllNodesLosesNoCall(t *testing.T) {
	nodes, clients, wave, size := 60, 6, 10, 5
	if os.Getenv("MUXPOOL_FULL") != "" {
		nodes, clients, wave, size = 1000, 50, 50, 20
	}
	const callers = 2
	fleet := startFleet(t)
	var publisher Publisher
	old := fleet.order(t, "start", strconv.Itoa(nodes))
	publish := func(lists ...[]string) {
		var all []Instance
		for _, list := range lists {
			for _, a := range list {
				all = append(all, Instance{Address: a})
			}
		}
		publisher.Publish(all)
	}
	publish(old)
	before := spent()
	all := make([]*customer, clients)
	for i := range all {
		all[i] = newCustomer(t, &publisher, WithSubset(size, i))
	}
	var calls, lost atomic.Int64
	over := make(chan struct{})
	var wg sync.WaitGroup
	for i, c := range all {
		for j := range callers {
			wg.Go(func() {
				for k := 0; ; k++ {
					select {
					case <-over:
						return
					case <-time.After(20 * time.Millisecond): // the pace of the load
					}
					nonce := fmt.Appendf(nil, "%d/%d/%d", i, j, k)
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					answer, err := c.echo(ctx, nonce)
					cancel()
					calls.Add(1)
					if err == nil && !bytes.Equal(answer.([]byte), nonce) {
						err = fmt.Errorf("the answer is %q", answer)
					}
					if err != nil && lost.Add(1) < 10 {
						t.Errorf("call %s: %v", nonce, err)
					}
				}
			})
		}
	}
	answered := func(n int) {
		t.Helper()
		from := calls.Load()
		eventually(t, "no calls are answered", func() bool { return calls.Load() >= from+int64(n) })
	}
	conns := func() (sum, most int) {
		for _, c := range all {
			n := c.conns()
			sum, most = sum+n, max(most, n)
		}
		return sum, most
	}
	answered(clients * callers * 50)
	steady, begun := spent(), time.Now()
	sum, most := conns()
	t.Logf("%d nodes in a process of their own, %d clients in this one, with %d nodes each: %d connections, %d of a client at most; %.1f MiB a client", nodes, clients, size, sum, most,
		float64(steady.memory-min(before.memory, steady.memory))/float64(clients)/(1<<20))
	from := calls.Load()
	answered(clients * callers * 100)
	quiet := spent()
	t.Logf("without a deploy: %.0f us of CPU for a call, %.1f ms a second for a client with %.0f calls", float64((quiet.cpu-steady.cpu).Microseconds())/float64(calls.Load()-from),
		1000*(quiet.cpu-steady.cpu).Seconds()/time.Since(begun).Seconds()/float64(clients), float64(calls.Load()-from)/time.Since(begun).Seconds()/float64(clients))

	begun, from = time.Now(), calls.Load()
	var fresh []string
	for len(old) > 0 {
		fresh = append(fresh, fleet.order(t, "start", strconv.Itoa(wave))...)
		gone := old[:wave]
		old = old[wave:]
		publish(fresh, old)
		fleet.order(t, append([]string{"stop"}, gone...)...) // at once: who has not heard of it yet finds out
		answered(clients * callers * 10)
	}
	after := spent()
	took := time.Since(begun)
	t.Logf("all were replaced, %d at a time, in %.1f s, with %d calls: %d lost; %.1f ms of CPU a second for a client", wave, took.Seconds(), calls.Load()-from, lost.Load(),
		1000*(after.cpu-quiet.cpu).Seconds()/took.Seconds()/float64(clients))
	for _, c := range all {
		eventually(t, "a client does not hold its subset alone", func() bool { return len(c.Nodes()) == size })
	}
	eventually(t, "connections to nodes that are gone stay", func() bool {
		sum, most = conns()
		return most <= 2*size
	})
	end := spent()
	t.Logf("at the end: %d connections, %d of a client at most; %.1f MiB a client", sum, most, float64(end.memory-min(before.memory, end.memory))/float64(clients)/(1<<20))
	close(over)
	bounded.Wait(t, wg.Wait)
	if n := lost.Load(); n > 0 {
		t.Errorf("%d calls were lost", n)
	}

	alone := spent()
	c := newCustomer(t, &publisher)
	for range 20 * nodes {
		if _, err := c.echo(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	every := spent()
	t.Logf("a client without a subset: %d connections, %.1f MiB", c.conns(), float64(every.memory-min(alone.memory, every.memory))/(1<<20))
}
