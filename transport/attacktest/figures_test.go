package attacktest

import (
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// costly is an attack whose price is known: what the server may have in use because of
// it, and how much more work than honest bytes its bytes may make.
type costly struct {
	name     string // the row's, and what it is
	protocol string
	frame    int // the server's largest frame; 0: the default
	conns    int
	bytes    int // to be sent, by all connections together; 0: what attack sends once
	reads    bool
	attack   func(*attacker)
	settle   time.Duration // until the heap is looked at

	heap, peak int64   // bytes, above what the server had before
	ratio      float64 // of processor time a byte to that of honest bytes; 0: not looked at
}

const mib = 1 << 20

var costs = []costly{
	{name: "frames over the limit", protocol: "native", conns: 4, bytes: 400 * mib, reads: true, heap: 16 * mib, peak: 100 * mib, ratio: 0.5,
		attack: func(a *attacker) {
			head := a.announce(0, 6*mib)
			for id := uint32(1); a.send(head) && a.send(make([]byte, 6*mib-len(head))); id++ {
				a.setID(head, id)
			}
		}},
	{name: "headers", protocol: "native", conns: 400, heap: 16 * mib, peak: 32 * mib, attack: func(a *attacker) { a.send(a.announce(7, 4*mib)); a.awaitEnd() }},
	{name: "headers", protocol: "trpc", conns: 400, heap: 16 * mib, peak: 32 * mib, attack: func(a *attacker) { a.send(a.announce(7, 4*mib)); a.awaitEnd() }},
	{name: "bombs", protocol: "trpc", frame: 64 << 10, conns: 4, bytes: 20 * mib, reads: true, heap: 32 * mib, peak: 128 * mib, ratio: 2, // six times as many bytes are unpacked as came, each for some 2 ns
		attack: func(a *attacker) { a.repeat(a.bomb(0, 10*mib)) }},
	{name: "calls of 4 MiB", protocol: "native", conns: 1, bytes: 1000 * mib, reads: true, heap: 160 * mib, peak: 384 * mib, ratio: 0.5,
		attack: func(a *attacker) { a.repeat(a.request(0, holdMethod, 4*mib-100)) }},
	{name: "echoes that nobody reads", protocol: "native", conns: 1, bytes: 240 * mib, heap: 160 * mib, peak: 384 * mib,
		attack: func(a *attacker) { a.repeat(a.request(0, echoMethod, 60<<10)) }},
	{name: "pairs of metadata", protocol: "native", conns: 4, bytes: 400 * mib, reads: true, heap: 16 * mib, peak: 100 * mib, ratio: 1,
		attack: func(a *attacker) { a.repeat(a.pairs(0)) }},
	{name: "pairs that are not there", protocol: "native", conns: 4, bytes: 5 * mib, reads: true, heap: 16 * mib, peak: 64 * mib, ratio: 12, // a header of 16 bytes is answered with an error of 60
		attack: func(a *attacker) { a.repeat(a.hollow(1000)) }},
	{name: "cancels among 4000 calls", protocol: "native", conns: 1, bytes: 20 * mib, reads: true, heap: 64 * mib, peak: 160 * mib, ratio: 1,
		attack: func(a *attacker) {
			a.send(a.batch(1<<20, 4000, holdMethod, 1))
			for frames := a.cancels(1<<30, 4000); a.send(frames); {
			}
		}},
	{name: "calls over the limit", protocol: "native", conns: 1, bytes: 5 * mib, reads: true, heap: 64 * mib, peak: 160 * mib, ratio: 8, // a request of 29 bytes is answered with an error of 86
		attack: func(a *attacker) { a.repeat(a.batch(0, 5000, holdMethod, 1)) }},
	{name: "pings", protocol: "native", conns: 4, bytes: 20 * mib, reads: true, heap: 16 * mib, peak: 64 * mib, ratio: 1, attack: func(a *attacker) {
		for pings := a.pings(1000); a.send(pings); {
		}
	}},
	{name: "bursts, then nothing", protocol: "native", conns: 50, reads: true, heap: 50 * 32 << 10, peak: 256 * mib, settle: 8 * time.Second,
		attack: func(a *attacker) { a.send(a.batch(1, 1000, echoMethod, 1<<10)); a.awaitEnd() }},
}

// TestCostOfAttacks: what each costs a server, a process for each, against what honest
// bytes cost the same server just before.
func TestCostOfAttacks(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has a memory and a pace of its own")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc: figures of processes cannot be read here")
	}
	for _, c := range costs {
		t.Run(c.name+", "+c.protocol, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c *costly) run(t *testing.T) {
	server := start(t, "server", protocolEnv+"="+c.protocol, frameEnv+"="+strconv.Itoa(c.frame), "GOMEMLIMIT="+memoryLimit)
	address := server.line(t)
	f := newForge(c.protocol)
	var honest float64
	if c.ratio > 0 {
		honest = c.price(t, server, address, &costly{conns: c.conns, bytes: 20 * mib, reads: true,
			attack: func(a *attacker) { a.repeat(a.batch(0, 100, echoMethod, 10)) }}, f)
	}
	before := server.figures(t, "heap")
	price := c.price(t, server, address, c, f)
	if c.ratio > 0 && price > c.ratio*honest {
		t.Errorf("a byte takes %.2f times as much as an honest one, at most %.1f are allowed", price/honest, c.ratio)
	}
	after := server.figures(t, "peak")
	if grown := after.Peak - before.Peak; grown > c.peak {
		t.Errorf("the peak has grown by %d MiB, at most %d are allowed", grown/mib, c.peak/mib)
	}
	t.Logf("a byte took %.0f ns, an honest one %.0f; the peak grew by %d MiB", price, honest, (after.Peak-before.Peak)/mib)
}

// price sends what the attack does, looks at the heap while its connections are open,
// and returns the nanoseconds of processor time that the server took for a byte.
func (c *costly) price(t *testing.T, server *process, address string, of *costly, f forge) float64 {
	before := server.figures(t, "heap")
	var sent atomic.Int64
	var attackers, readers sync.WaitGroup
	for range of.conns {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if of.reads {
			readers.Go(func() { _, _ = io.Copy(io.Discard, nc) })
		}
		attackers.Go(func() { of.attack(&attacker{forge: f, nc: nc, sent: &sent, most: int64(of.bytes)}) })
	}
	if of.bytes > 0 {
		bounded.Wait(t, attackers.Wait)
	}
	server.quiet(t, max(of.settle, 300*time.Millisecond))
	after := server.figures(t, "heap")
	if of.heap > 0 {
		t.Logf("the heap has grown by %d KiB, for %d KiB that were sent", (after.Heap-before.Heap)>>10, sent.Load()>>10)
		if after.Heap-before.Heap > of.heap {
			t.Errorf("the heap has grown by %d KiB, at most %d are allowed", (after.Heap-before.Heap)>>10, of.heap>>10)
		}
	}
	if sent.Load() == 0 {
		t.Fatal("nothing was sent")
	}
	return float64(after.CPU-before.CPU) / float64(sent.Load())
}

// quiet waits until a server does nothing any more, although it could, for as long as that.
func (p *process) quiet(t *testing.T, during time.Duration) {
	t.Helper()
	since, last := time.Now(), p.figures(t, "peak").CPU
	for end := time.Now().Add(patience); time.Since(since) < during && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		now := p.figures(t, "peak")
		if now.CPU-last > tick || now.Late > 20*time.Millisecond { // one tick is what the question takes
			since = time.Now()
		}
		last = now.CPU
	}
}
