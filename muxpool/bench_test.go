package muxpool_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
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

func BenchmarkCall(b *testing.B) {
	addr := echo(b)
	p, _ := muxpool.New()
	defer p.Close()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(echoParser{})
	opts.WithTimeout(time.Second)
	for _, n := range []int{1, 64, 512, 4096} {
		b.Run("", func(b *testing.B) {
			b.ReportAllocs()
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					buf := make([]byte, 1000)
					for range b.N / n {
						if err := call(p, context.Background(), addr, opts, buf, 128); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
