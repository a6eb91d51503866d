package contenders

import (
	"context"
	"net/rpc"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// netRPC is the standard library's net/rpc with its gob codec.
type netRPC struct{}

// netRPCConns is how many connections the callers share: measured best of 1, 2
// and 4.
const netRPCConns = 2

func (netRPC) Info() harness.Info {
	return harness.Info{
		Name:  "netrpc",
		About: "net/rpc with gob, 2 connections; takes no contexts",
		Nets:  harness.AllNets,
	}
}

// Echo is the service of netRPC.
type Echo struct{}

// Echo answers with the request.
func (Echo) Echo(req *[]byte, resp *[]byte) error {
	*resp = *req
	return nil
}

func (netRPC) Serve(env harness.Env) (string, error) {
	l, err := env.Listen()
	if err != nil {
		return "", err
	}
	server := rpc.NewServer()
	if err := server.Register(Echo{}); err != nil {
		return "", err
	}
	go server.Accept(l)
	return l.Addr().String(), nil
}

func (netRPC) Dial(env harness.Env) (harness.Client, error) {
	var clients [netRPCConns]*rpc.Client
	for i := range clients {
		nc, err := env.DialConn()
		if err != nil {
			return nil, err
		}
		clients[i] = rpc.NewClient(nc)
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		client := clients[i%netRPCConns]
		var resp []byte
		return func(_ context.Context, req []byte, check harness.Check) error {
			if err := client.Call("Echo.Echo", &req, &resp); err != nil {
				return err
			}
			return check(resp)
		}, nil
	}), nil
}
