package main

import (
	"context"
	"io"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// muxkitPool is muxpool by itself: GetMuxConn, Write, Read, Close.
type muxkitPool struct {
	timeout bool // the deadline is GetOptions.WithTimeout, not a context's
	keep    bool // answers are left to the garbage collector
}

// muxkitOwned is the payload size from which frames are written in memory that
// the pool takes over, which saves a copy.
const muxkitOwned = 2 << 10

func (m muxkitPool) Info() Info {
	info := Info{
		Name:     muxkitConn,
		About:    "muxpool, defaults, answers released, the inline server of raw",
		Contexts: true,
		Nets:     allNets,
	}
	info.Variant = m.timeout || m.keep
	switch {
	case m.timeout:
		info.Name, info.Contexts = muxkitTimeout, false
		info.About = "the same, each call's deadline by GetOptions.WithTimeout on context.Background"
	case m.keep:
		info.Name = muxkitKeep
		info.About = "the same, answers not released"
	}
	return info
}

func (muxkitPool) Serve(env Env) (string, error) { return serveFrames(env) }

func (m muxkitPool) Dial(env Env) (Client, error) { return dialOne(m, env) }

func (m muxkitPool) Connect(env Env) (func() CallTo, error) {
	pool, opts, err := newMuxkitPool(env)
	if err != nil {
		return nil, err
	}
	opts.WithFrameParser(pooledParser{})
	if m.timeout {
		opts.WithTimeout(30 * time.Second)
	}
	network := env.Network()
	return func() CallTo {
		buf := make([]byte, 0, frameHeader+env.Size)
		return func(ctx context.Context, addr string, req []byte, check Check) error {
			mc, err := pool.GetMuxConn(ctx, network, addr, opts)
			if err != nil {
				return err
			}
			defer mc.Close()
			if err := writeFrame(mc, buf, req); err != nil {
				return err
			}
			frame, err := mc.Read()
			if err != nil {
				return err
			}
			if !m.keep {
				defer muxpool.Release(frame)
			}
			return check(frame[frameHeader:])
		}
	}, nil
}

// newMuxkitPool returns a pool and how to get at env's server.
func newMuxkitPool(env Env) (*muxpool.Multiplexed, muxpool.GetOptions, error) {
	opts := muxpool.NewGetOptions()
	if env.Net == "tls" {
		cfg, err := env.ClientTLS()
		if err != nil {
			return nil, opts, err
		}
		opts.WithTLSConfig(cfg)
	}
	pool, err := muxpool.New()
	return pool, opts, err
}

// ownedWriter is what a pool's MuxConn can do beyond the interface.
type ownedWriter interface {
	WriteOwned(b []byte) error
}

func writeFrame(mc muxpool.MuxConn, buf, payload []byte) error {
	if w, ok := mc.(ownedWriter); ok && len(payload) >= muxkitOwned {
		return w.WriteOwned(appendFrame(wire.Alloc(frameHeader + len(payload))[:0], mc.VID(), payload))
	}
	return mc.Write(appendFrame(buf[:0], mc.VID(), payload))
}

// pooledParser is the parser of frame.go's frames. It takes its frames from the
// pool's memory.
type pooledParser struct{}

func (pooledParser) Parse(r io.Reader) (uint32, []byte, error) {
	fr := r.(muxpool.FrameReader)
	header, err := fr.Peek(frameHeader)
	if err != nil {
		return 0, nil, err
	}
	n, id := parseHeader(header)
	frame, err := fr.Alloc(frameHeader + n)
	if err != nil {
		return 0, nil, err
	}
	_, err = io.ReadFull(fr, frame)
	return id, frame, err
}
