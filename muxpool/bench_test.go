package muxpool_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

type echoParser struct{}

func (echoParser) Parse(r io.Reader) (uint32, []byte, error) {
	fr := r.(muxpool.FrameReader)
	h, err := fr.Peek(8)
	if err != nil {
		return 0, nil, err
	}
	n, id := int(binary.BigEndian.Uint32(h)), binary.BigEndian.Uint32(h[4:])
	fr.Discard(8)
	b, err := fr.Alloc(n)
	if err != nil {
		return 0, nil, err
	}
	_, err = io.ReadFull(fr, b)
	return id, b, err
}

func echo(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	return ln.Addr().String()
}

func call(p *muxpool.Multiplexed, ctx context.Context, addr string, opts muxpool.GetOptions, buf []byte, body int) error {
	m, err := p.GetMuxConn(ctx, "tcp", addr, opts)
	if err != nil {
		return err
	}
	defer m.Close()
	buf = buf[:8+body]
	binary.BigEndian.PutUint32(buf, uint32(body))
	binary.BigEndian.PutUint32(buf[4:], m.VID())
	if err := m.Write(buf); err != nil {
		return err
	}
	f, err := m.Read()
	if err == nil {
		if len(f) != body {
			panic("len")
		}
		muxpool.Release(f)
	}
	return err
}

// BenchmarkCall tells the CPU time of a call besides, which a busy machine changes less:
// that of the echo, in this process too, is in it.
func BenchmarkCall(b *testing.B) {
	addr := echo(b)
	p, _ := muxpool.New()
	defer p.Close()
	for _, way := range []string{"option", "context", "none"} {
		for _, n := range []int{1, 8, 64, 512, 4096} {
			b.Run(fmt.Sprintf("%s/%d", way, n), func(b *testing.B) {
				opts := muxpool.NewGetOptions()
				opts.WithFrameParser(echoParser{})
				if way == "option" {
					opts.WithTimeout(10 * time.Second)
				}
				b.ReportAllocs()
				before := cpuTime()
				var wg sync.WaitGroup
				for range n {
					wg.Go(func() {
						buf := make([]byte, 1000)
						for range b.N / n {
							ctx, cancel := context.Background(), context.CancelFunc(func() {})
							if way == "context" {
								ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
							}
							if err := call(p, ctx, addr, opts, buf, 128); err != nil {
								b.Error(err)
							}
							cancel()
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// cpuTime is what the process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
