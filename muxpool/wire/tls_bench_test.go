package wire

import (
	"fmt"
	"testing"
)

// BenchmarkTLS sends frames to a peer that reads and drops them, eight or so to a batch: through
// records, and through a tls.Conn that is on the socket itself.
func BenchmarkTLS(b *testing.B) {
	for _, size := range []int{128, 4 << 10, 16 << 10, 64 << 10, 1 << 20} {
		for _, kind := range []string{"tls", "tls alone"} {
			b.Run(fmt.Sprintf("%s/%d", kind, size), func(b *testing.B) {
				near, far := pair(b, kind)
				go func() {
					p := make([]byte, 64<<10)
					for {
						if _, err := far.Read(p); err != nil {
							return
						}
					}
				}()
				w := NewWriter(near, WriterConfig{MaxBytes: 64 << 20})
				frame := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if kind == "tls" {
						w.mu.Lock()
						w.reading = true
						w.mu.Unlock()
					}
					w.InFlight.Store(2)
					if _, err := w.Write(b.Context().Done(), frame); err != nil {
						b.Fatal(err)
					}
					if i%8 == 7 {
						if kind == "tls" {
							w.flushRead()
						}
						if err := w.WaitSent(nil); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
