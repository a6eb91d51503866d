package contenders

import (
	"context"
	"errors"
	"io"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// pipe is the limit of batching: one connection on which the requests of all
// callers go in one write, to a server that does not look at them.
type pipe struct{}

// pipeBatch bounds the bytes of a batch: more than a few megabytes at once only
// trash the caches.
const pipeBatch = 4 << 20

func (pipe) Info() harness.Info {
	return harness.Info{
		Name:    "pipe",
		About:   "one connection, the requests of all callers in one write (up to 4 MiB), echoed unparsed: the limit of batching",
		Batched: true,
		Nets:    harness.AllNets,
	}
}

func (pipe) Serve(env harness.Env) (string, error) {
	return ServeConns(env, func(b []byte) int { return len(b) })
}

func (pipe) Dial(env harness.Env) (harness.Client, error) {
	nc, err := env.DialConn()
	if err != nil {
		return nil, err
	}
	frames := min(env.Callers, max(1, pipeBatch/(FrameHeader+env.Size)))
	out := make([]byte, 0, frames*(FrameHeader+env.Size))
	in := make([]byte, cap(out))
	// A batch may be larger than the sockets' buffers, so writing and reading go
	// on side by side.
	start, wrote := make(chan struct{}), make(chan error)
	go func() {
		for range start {
			_, err := nc.Write(out)
			wrote <- err
		}
	}()
	exchange := func() error {
		if len(out) <= 64<<10 { // fits into any socket's buffer
			if _, err := nc.Write(out); err != nil {
				return err
			}
			_, err := io.ReadFull(nc, in)
			return err
		}
		start <- struct{}{}
		_, err := io.ReadFull(nc, in)
		return errors.Join(err, <-wrote)
	}
	call := func(_ context.Context, req []byte, check harness.Check) error {
		out = out[:0]
		for i := range frames {
			out = appendFrame(out, uint32(i), req)
		}
		if err := exchange(); err != nil {
			return err
		}
		for b := in; len(b) > 0; b = b[FrameHeader+len(req):] {
			if err := check(b[FrameHeader : FrameHeader+len(req)]); err != nil {
				return err
			}
		}
		return nil
	}
	return harness.ClientFunc(func(int) (harness.Call, error) { return call, nil }), nil
}
