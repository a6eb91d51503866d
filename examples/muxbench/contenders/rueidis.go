package contenders

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/redis/rueidis"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// rueidisEcho is the auto-pipelining Redis client with the ECHO command,
// against the inline RESP server of resp.go.
type rueidisEcho struct{}

func (rueidisEcho) Info() harness.Info {
	return harness.Info{
		Name:     "rueidis",
		About:    "rueidis ECHO, auto-pipelined on 4 connections (its default), against an inline Go RESP server",
		Contexts: true,
		Nets:     harness.AllNets,
	}
}

func (rueidisEcho) Serve(env harness.Env) (string, error) { return serveRESP(env) }

func (rueidisEcho) Dial(env harness.Env) (harness.Client, error) {
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
	return harness.ClientFunc(func(int) (harness.Call, error) {
		return func(ctx context.Context, req []byte, check harness.Check) error {
			cmd := client.B().Echo().Message(rueidis.BinaryString(req)).Build()
			resp, err := client.Do(ctx, cmd).AsBytes()
			if err != nil {
				return err
			}
			return check(resp)
		}, nil
	}), nil
}
