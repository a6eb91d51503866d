package main

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/redis/rueidis"
)

// rueidisEcho is the auto-pipelining Redis client with the ECHO command,
// against the inline RESP server of resp.go.
type rueidisEcho struct{}

func (rueidisEcho) Info() Info {
	return Info{
		Name:     "rueidis",
		About:    "rueidis ECHO, auto-pipelined on 4 connections (its default), against an inline Go RESP server",
		Contexts: true,
		Nets:     allNets,
	}
}

func (rueidisEcho) Serve(env Env) (string, error) { return serveRESP(env) }

func (rueidisEcho) Dial(env Env) (Client, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:       []string{env.Addr},
		ForceSingleClient: true,
		DisableCache:      true,
		DialCtxFn: func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
			return env.DialConn()
		},
	})
	if err != nil {
		return nil, err
	}
	return ClientFunc(func(int) (Call, error) {
		return func(ctx context.Context, req []byte, check Check) error {
			cmd := client.B().Echo().Message(rueidis.BinaryString(req)).Build()
			resp, err := client.Do(ctx, cmd).AsBytes()
			if err != nil {
				return err
			}
			return check(resp)
		}, nil
	}), nil
}
