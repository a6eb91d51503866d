package contenders

import (
	"context"
	"io"
	"time"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
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

func (m muxkitPool) Info() harness.Info {
	info := harness.Info{
		Name:     MuxkitConn,
		About:    "muxpool, defaults, answers released, the inline server of raw",
		Contexts: true,
		Sized:    true,
		Nets:     harness.AllNets,
	}
	info.Variant = m.timeout || m.keep
	switch {
	case m.timeout:
		info.Name, info.Contexts = MuxkitTimeout, false
		info.About = "the same, each call's deadline by GetOptions.WithTimeout on context.Background"
	case m.keep:
		info.Name = MuxkitKeep
		info.About = "the same, answers not released"
	}
	return info
}

// Serve serves inline, as raw does; beside bulk it does not, where one large answer would
// keep all others waiting.
func (muxkitPool) Serve(env harness.Env) (string, error) {
	if env.Bulk.Callers > 0 {
		return env.ServeEach(spawnEchoes)
	}
	return serveFrames(env)
}

// Dial tells calls for bulk from others, as who calls a pool by hand would.
func (m muxkitPool) Dial(env harness.Env) (harness.Client, error) {
	pool, opts, err := m.open(env)
	if err != nil {
		return nil, err
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		own := opts
		own.WithBulk(env.OfBulk(i))
		call := m.newCall(env, pool, own)
		return func(ctx context.Context, req []byte, check harness.Check) error {
			return call(ctx, env.Addr, req, check)
		}, nil
	}), nil
}

// Connect makes calls to any server.
func (m muxkitPool) Connect(env harness.Env) (func() harness.CallTo, error) {
	pool, opts, err := m.open(env)
	return func() harness.CallTo { return m.newCall(env, pool, opts) }, err
}

func (m muxkitPool) open(env harness.Env) (*muxpool.Multiplexed, muxpool.GetOptions, error) {
	pool, opts, err := newMuxkitPool(env)
	opts.WithFrameParser(pooledParser{})
	if m.timeout {
		opts.WithTimeout(30 * time.Second)
	}
	return pool, opts, err
}

// newCall is one caller's.
func (m muxkitPool) newCall(env harness.Env, pool *muxpool.Multiplexed, opts muxpool.GetOptions) harness.CallTo {
	network, buf := env.Network(), make([]byte, 0, FrameHeader+env.Size)
	return func(ctx context.Context, addr string, req []byte, check harness.Check) error {
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
		return check(frame[FrameHeader:])
	}
}

// Larger frames than frameDefault have to be allowed, on both sides.
const (
	frameDefault = 4 << 20
	frameRoom    = 1 << 10 // for heads
)

// newMuxkitPool returns a pool and how to get at env's server.
func newMuxkitPool(env harness.Env) (*muxpool.Multiplexed, muxpool.GetOptions, error) {
	opts := muxpool.NewGetOptions()
	if env.Net == "tls" {
		cfg, err := env.ClientTLS()
		if err != nil {
			return nil, opts, err
		}
		opts.WithTLSConfig(cfg)
	}
	var options []muxpool.PoolOption
	if largest := env.Largest() + frameRoom; largest > frameDefault {
		options = append(options, muxpool.WithMaxFrameSize(largest))
	}
	pool, err := muxpool.New(options...)
	return pool, opts, err
}

// ownedWriter is what a pool's MuxConn can do beyond the interface.
type ownedWriter interface {
	WriteOwned(b []byte) error
}

func writeFrame(mc muxpool.MuxConn, buf, payload []byte) error {
	if w, ok := mc.(ownedWriter); ok && len(payload) >= muxkitOwned {
		return w.WriteOwned(appendFrame(wire.Alloc(FrameHeader + len(payload))[:0], mc.VID(), payload))
	}
	return mc.Write(appendFrame(buf[:0], mc.VID(), payload))
}

// pooledParser is the parser of frame.go's frames. It takes its frames from the
// pool's memory.
type pooledParser struct{}

func (pooledParser) Parse(r io.Reader) (uint32, []byte, error) {
	fr := r.(muxpool.FrameReader)
	header, err := fr.Peek(FrameHeader)
	if err != nil {
		return 0, nil, err
	}
	n, id := parseHeader(header)
	frame, err := fr.Alloc(FrameHeader + n)
	if err != nil {
		return 0, nil, err
	}
	_, err = io.ReadFull(fr, frame)
	return id, frame, err
}
