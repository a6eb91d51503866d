package contenders

import (
	"context"
	"fmt"
	"io"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// RawTCP is the limit without multiplexing: a connection for each caller and
// nothing in between.
type RawTCP struct{}

func (RawTCP) Info() harness.Info {
	return harness.Info{
		Name:  "raw",
		About: "one connection per caller, hand-written frames, no contexts: the limit without multiplexing",
		Nets:  harness.AllNets,
	}
}

func (RawTCP) Serve(env harness.Env) (string, error) { return serveFrames(env) }

func (RawTCP) Dial(env harness.Env) (harness.Client, error) {
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		nc, err := env.DialConn()
		if err != nil {
			return nil, err
		}
		buf := make([]byte, 0, FrameHeader+env.Size)
		return func(_ context.Context, req []byte, check harness.Check) error {
			buf = appendFrame(buf[:0], uint32(i), req)
			if _, err := nc.Write(buf); err != nil {
				return err
			}
			if _, err := io.ReadFull(nc, buf); err != nil {
				return err
			}
			if n, id := parseHeader(buf); n != len(req) || id != uint32(i) {
				return fmt.Errorf("answer %d of %d bytes to request %d of %d", id, n, i, len(req))
			}
			return check(buf[FrameHeader:])
		}, nil
	}), nil
}
