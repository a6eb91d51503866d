package wire

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
)

var benchSizes = []int{128, 4 << 10, 64 << 10}

// A frame of a Write to the peer's Discard. Allocations are those of both sides.
func BenchmarkWriter(b *testing.B) {
	for _, transport := range []string{"tcp", "unix"} {
		for _, writers := range []int{1, 8, 64} {
			for _, size := range benchSizes {
				b.Run(fmt.Sprintf("%s/writers=%d/size=%d", transport, writers, size), func(b *testing.B) {
					benchWriter(b, transport, writers, size)
				})
			}
		}
	}
}

func benchWriter(b *testing.B, transport string, writers, size int) {
	near, far := pair(b, transport)
	go io.Copy(io.Discard, far)
	w := NewWriter(near, WriterConfig{})
	w.InFlight.Store(int32(writers))
	done := b.Context().Done()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			frame := make([]byte, size)
			for left.Add(-1) >= 0 {
				if _, err := w.Write(done, frame); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := w.WaitSent(done); err != nil {
		b.Error(err)
	}
}

// Frames that are read from memory: the Reader alone.
func BenchmarkReader(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			r := NewReader(&frames{frame: appendFrame(nil, 1, 1, size)}, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r.BeginFrame()
				frame, err := allocFrame(r)
				if err != nil {
					b.Fatal(err)
				}
				Free(frame)
			}
		})
	}
}

// Frames that go from a Writer to a Reader.
func BenchmarkWriterToReader(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			near, far := pair(b, "tcp")
			w := NewWriter(near, WriterConfig{})
			w.InFlight.Store(2)
			r := NewReader(NewWriter(far, WriterConfig{}).NewSource(), size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			n := b.N
			b.ResetTimer()
			go func() {
				frame := appendFrame(nil, 1, 1, size)
				for range n {
					if _, err := w.Write(b.Context().Done(), frame); err != nil {
						return // the reader hears of it
					}
				}
			}()
			for range n {
				r.BeginFrame()
				frame, err := allocFrame(r)
				if err != nil {
					b.Fatal(err)
				}
				Free(frame)
			}
		})
	}
}

func BenchmarkAllocFree(b *testing.B) {
	for _, size := range append(benchSizes, 1<<maxClass) {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					Free(Alloc(size))
				}
			})
		})
	}
}
