package transport_test

import (
	"context"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// BenchmarkCall is a call through Client and Service, both in this process, of 64
// callers with a deadline each.
func BenchmarkCall(b *testing.B) {
	for name, options := range map[string][]transport.ServerOption{"goroutine": nil, "inline": {transport.ServerInline()}} {
		b.Run(name, func(b *testing.B) {
			call, stop := benchCall(b, options...)
			defer stop()
			body := make([]byte, 128)
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range 64 {
				wg.Go(func() {
					for range b.N / 64 {
						if _, err := call(context.Background(), body); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func benchCall(tb testing.TB, options ...transport.ServerOption) (call func(context.Context, any) (any, error), stop func()) {
	tb.Helper()
	s := transport.NewService(native.Protocol{})
	s.Handle("Echo", rawServer(echo, options...))
	l := listen(tb)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	pool, err := muxpool.New()
	if err != nil {
		tb.Fatal(err)
	}
	node := transport.Node{Network: "tcp", Address: l.Addr().String()}
	dec := func(_ context.Context, m *transport.Message) (any, error) { m.ReleaseBody(); return nil, nil }
	c := transport.NewClient(pool, node, native.Protocol{}, "Echo", transport.EncodeBytes, dec, transport.ClientTimeout(waitTime))
	return c.Endpoint(), func() { pool.Close(); s.Close(); <-done }
}
