package main

import (
	"context"
	"fmt"
	"io"
)

// rawTCP is the limit without multiplexing: a connection for each caller and
// nothing in between.
type rawTCP struct{}

func (rawTCP) Info() Info {
	return Info{
		Name:  "raw",
		About: "one connection per caller, hand-written frames, no contexts: the limit without multiplexing",
		Nets:  allNets,
	}
}

func (rawTCP) Serve(env Env) (string, error) { return serveFrames(env) }

func (rawTCP) Dial(env Env) (Client, error) {
	return ClientFunc(func(i int) (Call, error) {
		nc, err := env.DialConn()
		if err != nil {
			return nil, err
		}
		buf := make([]byte, 0, frameHeader+env.Size)
		return func(_ context.Context, req []byte, check Check) error {
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
			return check(buf[frameHeader:])
		}, nil
	}), nil
}
