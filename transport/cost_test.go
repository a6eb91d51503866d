package transport_test

import (
	"context"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// skipAllocations skips where allocations are not what they are elsewhere.
func skipAllocations(t *testing.T) {
	if testing.CoverMode() != "" || raceEnabled {
		t.Skip("coverage counts, and the race detector makes sync.Pool forget on purpose")
	}
}

// TestAllocations bounds what a call through Client and Service allocates, both
// sides together: their contexts, and on the server the body and its any.
func TestAllocations(t *testing.T) {
	skipAllocations(t)
	for name, options := range map[string][]transport.ServerOption{"inline": {transport.ServerInline()}, "goroutine": nil} {
		t.Run(name, func(t *testing.T) {
			call, stop := benchCall(t, options...)
			defer stop()
			var body any = make([]byte, 128)
			got := bounded.Allocs(2000, func() {
				if _, err := call(context.Background(), body); err != nil {
					t.Fatal(err)
				}
			})
			if got > 4 {
				t.Errorf("%v allocations a call, at most 4 are allowed", got)
			}
		})
	}
}

// TestAllocationsOfAClient: the body and its any, if it is kept, and the contexts, if a
// hook or a codec may see them.
func TestAllocationsOfAClient(t *testing.T) {
	skipAllocations(t)
	request := any(make([]byte, 128))
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	defer cancel()
	own := func(_ context.Context, m *transport.Message) (any, error) { m.ReleaseBody(); return nil, nil }
	for most, dec := range map[float64]transport.DecodeResponseFunc{2: transport.DecodeBytes, 1: own, 0: transport.NopRequestDecoder} {
		call := benchClient(t, dec)
		got := bounded.Allocs(2000, func() {
			if _, err := call(ctx, request); err != nil {
				t.Fatal(err)
			}
		})
		if got > most {
			t.Errorf("%v allocations a call, at most %v are allowed", got, most)
		}
		got = bounded.Allocs(2000, func() {
			ctx, cancel := deadline.WithTimeout(ctx, time.Second*5)
			defer cancel()
			if _, err := call(ctx, request); err != nil {
				t.Fatal(err)
			}
		})
		if got > most+1 {
			t.Errorf("%v allocations a call with a deadline of its own, at most %v are allowed", got, most+1)
		}
	}
}

// TestAllocationsOfBuffers: a call whose bodies are Buffers allocates one on each side,
// whatever its size, beside the server's context.
func TestAllocationsOfBuffers(t *testing.T) {
	skipAllocations(t)
	for _, size := range []int{128, 4 << 10, 64 << 10} {
		s := serve(t, map[string]*transport.Server{
			"Echo": transport.NewServer(echo, transport.DecodeBuffer, transport.EncodeResponseBuffer)})
		call := transport.NewClient(newPool(t), s.node, native.Protocol{}, "Echo", transport.EncodeBuffer, transport.DecodeBuffer).Endpoint()
		request, ctx := transport.NewBuffer(size), testContext(t)
		got := bounded.Allocs(500, func() {
			answer, err := call(ctx, request)
			if err != nil {
				t.Fatal(err)
			}
			answer.(*transport.Buffer).Release()
		})
		if got > 3 {
			t.Errorf("%v allocations a call of %d bytes, at most 3 are allowed", got, size)
		}
	}
}

// TestAllocationsOfAServedRequest: the context, the body and its any.
func TestAllocationsOfAServedRequest(t *testing.T) {
	skipAllocations(t)
	for name, options := range map[string][]transport.ServerOption{"inline": {transport.ServerInline()}, "goroutine": nil} {
		t.Run(name, func(t *testing.T) {
			const n = 64
			client := newBatched(t, n, options...)
			got := bounded.Allocs(200, func() {
				if err := client.exchange(); err != nil {
					t.Fatal(err)
				}
			}) / n
			if got > 3.05 { // the garbage collector empties what is kept for reuse
				t.Errorf("%.2f allocations a request, at most 3 are allowed", got)
			}
		})
	}
}
