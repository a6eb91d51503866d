package contenders

import (
	"bufio"
	"context"
	"io"
	"sync"
	"sync/atomic"

	"trpc.group/trpc-go/trpc-go/pool/multiplexed"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// trpcPool is tRPC-Go's pool/multiplexed, whose vocabulary muxpool shares.
type trpcPool struct {
	buffered bool // the parser puts a bufio.Reader before each connection
}

func (t trpcPool) Info() harness.Info {
	info := harness.Info{
		Name:     "trpc",
		About:    "tRPC-Go pool/multiplexed v1.0.3, 2 connections, its parser reads from the connection",
		Contexts: true,
		Nets:     harness.AllNets,
	}
	if t.buffered {
		info.Name = "trpc-bufio"
		info.About = "tRPC-Go pool/multiplexed v1.0.3, 2 connections, its parser given a bufio.Reader of 128 KiB"
	}
	return info
}

func (trpcPool) Serve(env harness.Env) (string, error) { return serveFrames(env) }

func (t trpcPool) Dial(env harness.Env) (harness.Client, error) { return harness.DialOne(t, env) }

func (t trpcPool) Connect(env harness.Env) (func() harness.CallTo, error) {
	pool := multiplexed.New(multiplexed.WithConnectNumber(2))
	opts := multiplexed.NewGetOptions()
	if t.buffered {
		opts.WithFrameParser(&bufferedParser{})
	} else {
		opts.WithFrameParser(plainParser{})
	}
	if env.Net == "tls" {
		opts.WithDialTLS("", "", env.CertFile(), harness.ServerName)
	}
	var ids atomic.Uint32
	network := env.Network()
	return func() harness.CallTo {
		buf := make([]byte, 0, FrameHeader+env.Size)
		opts := opts
		return func(ctx context.Context, addr string, req []byte, check harness.Check) error {
			id := ids.Add(1)
			opts.WithVID(id)
			mc, err := pool.GetMuxConn(ctx, network, addr, opts)
			if err != nil {
				return err
			}
			defer mc.Close()
			// The pool writes buf after Write returned, but surely before the answer;
			// that the race detector cannot know.
			if raceEnabled {
				buf = nil
			}
			buf = appendFrame(buf[:0], id, req)
			if err := mc.Write(buf); err != nil {
				return err
			}
			frame, err := mc.Read()
			if err != nil {
				return err
			}
			return check(frame[FrameHeader:])
		}
	}, nil
}

// plainParser reads a frame in two reads.
type plainParser struct{}

func (plainParser) Parse(r io.Reader) (uint32, []byte, error) {
	var header [FrameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	n, id := parseHeader(header[:])
	frame := make([]byte, FrameHeader+n)
	copy(frame, header[:])
	_, err := io.ReadFull(r, frame[FrameHeader:])
	return id, frame, err
}

// bufferedParser keeps a bufio.Reader for each connection, which the pool's
// interface has no place for.
type bufferedParser struct {
	readers sync.Map // io.Reader -> *bufio.Reader
}

func (p *bufferedParser) Parse(r io.Reader) (uint32, []byte, error) {
	v, ok := p.readers.Load(r)
	if !ok {
		v, _ = p.readers.LoadOrStore(r, bufio.NewReaderSize(r, 128<<10))
	}
	br := v.(*bufio.Reader)
	header, err := br.Peek(FrameHeader)
	if err != nil {
		return 0, nil, err
	}
	n, id := parseHeader(header)
	frame := make([]byte, FrameHeader+n)
	_, err = io.ReadFull(br, frame)
	return id, frame, err
}
