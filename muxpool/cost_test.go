package muxpool_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// echoProcess starts a peer in a process of its own, so that only the pool's side
// of a connection is measured.
func echoProcess(t testing.TB) *muxtest.Process {
	t.Helper()
	p, err := muxtest.StartProcess("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// newPool returns a pool that is closed with the test.
func newPool(t testing.TB, opts ...muxpool.PoolOption) *muxpool.Multiplexed {
	t.Helper()
	p, err := muxpool.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	p.Subscribe(world.NoBug(t))
	return p
}

// unhurried returns a pool of one connection a node that is told nothing by the time that passes.
func unhurried(t *testing.T, opts ...muxpool.PoolOption) *muxpool.Multiplexed {
	t.Helper()
	return newPool(t, append(append(world.Unhurried(), muxpool.WithConnectNumber(1)), opts...)...)
}

// exchange is a call that makes no garbage of its own: frame is the request, to be
// stamped with the id.
func exchange(ctx context.Context, p muxpool.Pool, n muxpool.Node, opts muxpool.GetOptions, frame []byte, body int) error {
	mc, err := p.GetMuxConn(ctx, n.Network, n.Address, opts)
	if err != nil {
		return err
	}
	defer mc.Close()
	call := muxtest.Frame{Kind: muxtest.Call, ID: mc.VID(), Nonce: uint64(mc.VID()) << 7, Body: frame[cap(frame)-body : cap(frame)]}
	if err := mc.Write(muxtest.AppendFrame(frame[:0], call)); err != nil {
		return err
	}
	answer, err := mc.Read()
	if err != nil {
		return err
	}
	got, err := muxtest.DecodeFrame(answer)
	if err == nil && got.Nonce != call.Nonce {
		err = fmt.Errorf("%w: nonce %d, want %d", muxtest.ErrMismatch, got.Nonce, call.Nonce)
	}
	muxpool.Release(answer)
	return err
}

// TestAllocationsPerCall: Get, Write, Read and Close allocate nothing when answers
// are released, and at most twice when they are not; WithTimeout adds nothing.
func TestAllocationsPerCall(t *testing.T) {
	if world.Race {
		t.Skip("the race detector makes sync.Pool forget on purpose")
	}
	peer := echoProcess(t)
	pool := newPool(t)
	node := muxpool.Node{Network: "tcp", Address: peer.Addr()}
	for _, body := range []int{0, 128, 4 << 10, 64 << 10} {
		for _, timeout := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprintf("%d bytes, timeout %v", body, timeout), func(t *testing.T) {
				opts := muxpool.NewGetOptions()
				opts.WithFrameParser(muxtest.Parser{})
				opts.WithTimeout(timeout)
				frame := make([]byte, 0, 2*body+1024)
				call := func() {
					if err := exchange(context.Background(), pool, node, opts, frame, body); err != nil {
						t.Fatal(err)
					}
				}
				for range 100 {
					call()
				}
				if n := bounded.Allocs(500, call); n > 0 {
					t.Errorf("%v allocations a call, want none", n)
				}
			})
		}
	}
}

// TestAllocationsOfADeadline: a call with a deadline.Context of its own allocates that
// and nothing else, whatever it was derived from.
func TestAllocationsOfADeadline(t *testing.T) {
	if world.Race {
		t.Skip("the race detector makes sync.Pool forget on purpose")
	}
	peer := echoProcess(t)
	pool := newPool(t)
	node := muxpool.Node{Network: "tcp", Address: peer.Addr()}
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{})
	frame := make([]byte, 0, 2048)
	for name, parent := range map[string]context.Context{"Background": context.Background(), "a cancellable one": t.Context()} {
		call := func() {
			ctx, cancel := deadline.WithTimeout(parent, time.Minute)
			defer cancel()
			if err := exchange(ctx, pool, node, opts, frame, 128); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 {
			call()
		}
		if n := bounded.Allocs(500, call); n > 1 {
			t.Errorf("%v allocations a call with a context derived from %s, at most 1 is allowed", n, name)
		}
	}
}

// TestAllocationsPerCallUnreleased: the answer that is kept, and one more at most.
func TestAllocationsPerCallUnreleased(t *testing.T) {
	if world.Race {
		t.Skip("the race detector makes sync.Pool forget on purpose")
	}
	peer := echoProcess(t)
	caller := muxtest.NewCaller(newPool(t), "tcp", peer.Addr(), muxtest.Parser{})
	frame := make([]byte, 0, 1024)
	n := bounded.Allocs(500, func() {
		mc, err := caller.Get(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer mc.Close()
		if err := mc.Write(muxtest.AppendFrame(frame, muxtest.Frame{Kind: muxtest.Call, ID: mc.VID(), Body: frame[:100]})); err != nil {
			t.Fatal(err)
		}
		if _, err := mc.Read(); err != nil {
			t.Fatal(err)
		}
	})
	if n > 2 {
		t.Errorf("%v allocations a call, want 2 at most", n)
	}
}

// TestMemoryOfIdleNodes: 200 nodes that were used and are idle hold less than
// 16 KiB of heap and at most 2 goroutines a connection each.
func TestMemoryOfIdleNodes(t *testing.T) {
	if world.Race {
		t.Skip("the race detector changes what memory things take")
	}
	const nodes, conns = 200, 2
	peer := echoProcess(t)
	pool := newPool(t, muxpool.WithConnectNumber(conns), muxpool.WithKeepAlive(3*time.Second),
		muxpool.WithStallTimeout(time.Minute), muxpool.WithDialTimeout(time.Minute), muxpool.WithWriteTimeout(time.Minute))
	var wg sync.WaitGroup
	all := make(chan struct{}) // the runtime keeps what its goroutines once had: the callers' are not the pool's
	for range 6 * nodes {
		wg.Go(func() { <-all })
	}
	close(all)
	bounded.Wait(t, wg.Wait)
	heap, goroutines := usage()
	errs := make(chan error, nodes)
	for i := range nodes { // told apart by the address that they are called from
		wg.Go(func() {
			opts := muxpool.NewGetOptions()
			opts.WithFrameParser(muxtest.Parser{})
			opts.WithLocalAddr(fmt.Sprintf("127.0.%d.%d:0", 1+i/200, 1+i%200))
			errs <- useBoth(pool, muxpool.Node{Network: "tcp", Address: peer.Addr()}, opts)
		})
	}
	bounded.Wait(t, wg.Wait)
	for range nodes {
		if err := bounded.Receive(t, errs); err != nil {
			t.Fatal(err)
		}
	}
	for looks := 1; ; looks++ { // what the callers held goes, and may be late
		h, g := usage()
		perNode, perConn := (h-heap)/nodes, float64(g-goroutines)/(nodes*conns)
		if perNode < 16<<10 && perConn <= 2 {
			t.Logf("%d bytes of heap a node, %.2f goroutines a connection", perNode, perConn)
			return
		}
		if looks == 500 {
			t.Fatalf("%d bytes of heap a node, want less than %d; %.2f goroutines a connection, want 2 at most", perNode, 16<<10, perConn)
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}

// useBoth makes calls of 64 KiB at once, so that each connection's buffers grow.
func useBoth(pool muxpool.Pool, node muxpool.Node, opts muxpool.GetOptions) error {
	const body = 64 << 10
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() { errs <- exchange(context.Background(), pool, node, opts, make([]byte, 0, 2*body+1024), body) }()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// usage returns what is on the heap after a collection, and the goroutines.
func usage() (heap, goroutines int) {
	var m runtime.MemStats
	for range 3 { // a sync.Pool gives up its content at the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc), runtime.NumGoroutine()
}
