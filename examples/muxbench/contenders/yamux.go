package contenders

import (
	"context"
	"io"
	"net"
	"sync"

	"github.com/hashicorp/yamux"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// yamuxStreams opens a yamux stream for each call.
type yamuxStreams struct{}

// yamuxSessions is how many connections the callers share: measured best of 1,
// 2 and 4.
const yamuxSessions = 2

func (yamuxStreams) Info() harness.Info {
	return harness.Info{
		Name:  "yamux",
		About: "yamux, a stream per call, 2 sessions, accept backlog 8192; takes no contexts",
		Nets:  harness.AllNets,
	}
}

func yamuxConfig() *yamux.Config {
	cfg := yamux.DefaultConfig()
	cfg.AcceptBacklog = 8192 // the default of 256 would make most callers wait
	cfg.LogOutput = io.Discard
	return cfg
}

func (yamuxStreams) Serve(env harness.Env) (string, error) {
	return env.ServeEach(func(nc net.Conn) { serveYamux(nc, env.Size) })
}

func serveYamux(nc net.Conn, size int) {
	session, err := yamux.Server(nc, yamuxConfig())
	if err != nil {
		return
	}
	buffers := sync.Pool{New: func() any {
		buf := make([]byte, size)
		return &buf
	}}
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return
		}
		go func() {
			defer stream.Close()
			buf := buffers.Get().(*[]byte)
			defer buffers.Put(buf)
			if _, err := io.ReadFull(stream, *buf); err == nil {
				stream.Write(*buf)
			}
		}()
	}
}

func (yamuxStreams) Dial(env harness.Env) (harness.Client, error) {
	var sessions [yamuxSessions]*yamux.Session
	for i := range sessions {
		nc, err := env.DialConn()
		if err != nil {
			return nil, err
		}
		if sessions[i], err = yamux.Client(nc, yamuxConfig()); err != nil {
			return nil, err
		}
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		session, buf := sessions[i%yamuxSessions], make([]byte, env.Size)
		return func(_ context.Context, req []byte, check harness.Check) error {
			stream, err := session.OpenStream()
			if err != nil {
				return err
			}
			defer stream.Close()
			if _, err := stream.Write(req); err != nil {
				return err
			}
			if _, err := io.ReadFull(stream, buf); err != nil {
				return err
			}
			return check(buf)
		}, nil
	}), nil
}
