package main

import (
	"context"
	"net/rpc"
)

// netRPC is the standard library's net/rpc with its gob codec.
type netRPC struct{}

// netRPCConns is how many connections the callers share: measured best of 1, 2
// and 4.
const netRPCConns = 2

func (netRPC) Info() Info {
	return Info{
		Name:  "netrpc",
		About: "net/rpc with gob, 2 connections; takes no contexts",
		Nets:  allNets,
	}
}

// Echo is the service of netRPC.
type Echo struct{}

// Echo answers with the request.
func (Echo) Echo(req *[]byte, resp *[]byte) error {
	*resp = *req
	return nil
}

func (netRPC) Serve(env Env) (string, error) {
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

func (netRPC) Dial(env Env) (Client, error) {
	var clients [netRPCConns]*rpc.Client
	for i := range clients {
		nc, err := env.DialConn()
		if err != nil {
			return nil, err
		}
		clients[i] = rpc.NewClient(nc)
	}
	return ClientFunc(func(i int) (Call, error) {
		client := clients[i%netRPCConns]
		var resp []byte
		return func(_ context.Context, req []byte, check Check) error {
			if err := client.Call("Echo.Echo", &req, &resp); err != nil {
				return err
			}
			return check(resp)
		}, nil
	}), nil
}
