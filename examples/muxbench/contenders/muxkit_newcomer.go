package contenders

import (
	"context"
	"encoding/binary"
	"io"
	"time"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
	"github.com/muxkit/muxkit/muxpool"
)

// muxkitNewcomer is the pool as who has read one page uses it: options made anew for
// each call, a parser that reads with io.ReadFull into memory of make, a frame made with
// make, answers left to the garbage collector, context.WithTimeout.
type muxkitNewcomer struct{}

func (muxkitNewcomer) Info() harness.Info {
	return harness.Info{
		Name:     MuxkitNewcomer,
		About:    "muxkit as a newcomer writes it: options per call, a parser of io.ReadFull and make, answers not released",
		Contexts: true,
		Variant:  true,
		Nets:     harness.AllNets,
	}
}

func (muxkitNewcomer) Serve(env harness.Env) (string, error) { return serveFrames(env) }

func (muxkitNewcomer) Dial(env harness.Env) (harness.Client, error) {
	pool, tls, err := newMuxkitPool(env)
	if err != nil {
		return nil, err
	}
	network := env.Network()
	return harness.ClientFunc(func(int) (harness.Call, error) {
		return func(ctx context.Context, req []byte, check harness.Check) error {
			opts := muxpool.NewGetOptions()
			if env.Net == harness.TLS {
				opts = tls
			}
			opts.WithFrameParser(readFullParser{})
			mc, err := pool.GetMuxConn(ctx, network, env.Addr, opts)
			if err != nil {
				return err
			}
			defer mc.Close()
			frame := make([]byte, FrameHeader+len(req))
			binary.BigEndian.PutUint32(frame, uint32(len(req)))
			binary.BigEndian.PutUint32(frame[4:], mc.VID())
			copy(frame[FrameHeader:], req)
			if err := mc.Write(frame); err != nil {
				return err
			}
			answer, err := mc.Read()
			if err != nil {
				return err
			}
			return check(answer[FrameHeader:])
		}, nil
	}), nil
}

// readFullParser is the first parser that one writes.
type readFullParser struct{}

func (readFullParser) Parse(r io.Reader) (uint32, []byte, error) {
	header := make([]byte, FrameHeader)
	if _, err := io.ReadFull(r, header); err != nil {
		return 0, nil, err
	}
	n, id := parseHeader(header)
	frame := make([]byte, FrameHeader+n)
	copy(frame, header)
	if _, err := io.ReadFull(r, frame[FrameHeader:]); err != nil {
		return 0, nil, err
	}
	return id, frame, nil
}

// muxkitMemory is muxkitPool, and beside each call the memory and the context that
// muxkitNewcomer makes for it, which nothing looks at.
type muxkitMemory struct{ muxkitPool }

func (m muxkitMemory) Info() harness.Info {
	info := m.muxkitPool.Info()
	info.Name, info.Variant = MuxkitMemory, true
	info.About = "muxkit, and beside each call the memory and the context.WithTimeout that muxkit-newcomer makes, unused"
	return info
}

// made keeps what is made from the stack.
type made struct {
	ctx                    context.Context
	request, header, frame []byte
}

func (m muxkitMemory) Dial(env harness.Env) (harness.Client, error) {
	client, err := m.muxkitPool.Dial(env)
	if err != nil {
		return nil, err
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		call, err := client.Caller(i)
		kept := new(made)
		return func(ctx context.Context, req []byte, check harness.Check) error {
			made, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			kept.ctx = made
			kept.request = append(make([]byte, FrameHeader, FrameHeader+len(req)), req...)
			kept.header = make([]byte, FrameHeader)
			kept.frame = append(make([]byte, FrameHeader, FrameHeader+len(req)), req...)
			return call(ctx, req, check)
		}, err
	}), nil
}
