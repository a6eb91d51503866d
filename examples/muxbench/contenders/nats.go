package contenders

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// natsRequest is a NATS request through a server to a responder. The responder
// lives in the server's process.
type natsRequest struct{}

const natsSubject = "echo"

// natsConns is how many connections the callers share: measured best of 1, 2
// and 4.
const natsConns = 2

func (natsRequest) Info() harness.Info {
	return harness.Info{
		Name:     "nats",
		About:    "nats.go request/reply on 2 connections through an embedded nats-server, the responder connected to it over TCP in the same process",
		Contexts: true,
	}
}

func (natsRequest) Serve(harness.Env) (string, error) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		MaxPending: 1 << 30})
	if err != nil {
		return "", err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return "", errors.New("nats-server did not start within 10 s")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		return "", err
	}
	sub, err := nc.Subscribe(natsSubject, func(m *nats.Msg) { m.Respond(m.Data) })
	if err != nil {
		return "", err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return "", err
	}
	return s.ClientURL(), nc.Flush()
}

func (natsRequest) Dial(env harness.Env) (harness.Client, error) {
	var ncs [natsConns]*nats.Conn
	for i := range ncs {
		nc, err := nats.Connect(env.Addr)
		if err != nil {
			return nil, err
		}
		ncs[i] = nc
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		nc := ncs[i%natsConns]
		return func(ctx context.Context, req []byte, check harness.Check) error {
			var resp *nats.Msg
			var err error
			if ctx.Done() != nil {
				resp, err = nc.RequestWithContext(ctx, natsSubject, req)
			} else {
				resp, err = nc.Request(natsSubject, req, time.Minute)
			}
			if err != nil {
				return err
			}
			return check(resp.Data)
		}, nil
	}), nil
}
