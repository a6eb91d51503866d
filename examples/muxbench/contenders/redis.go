package contenders

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/resp"
)

// redisServer is the program that the contenders of this file call. Its CPU time is in no
// figure: it is one thread, and the bound of all of them.
const redisServer = "redis-server"

// redisServe is the server of the contenders that ask a redis-server to ECHO.
type redisServe struct{}

func (redisServe) Serve(env harness.Env) (string, error) {
	l, err := env.ListenBare()
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if err := l.Close(); err != nil {
		return "", err
	}
	cmd := exec.Command(redisServer, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", env.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			return addr, nc.Close()
		}
		if time.Since(start) > 10*time.Second {
			return "", fmt.Errorf("%s does not listen: %w", redisServer, err)
		}
	}
}

func redisInfo(name, about string) harness.Info {
	return harness.Info{Name: name, About: about + ", ECHO of a real redis-server", Contexts: true, Variant: true, Program: redisServer}
}

// redisMuxkit is transport/resp.
type redisMuxkit struct{ redisServe }

func (redisMuxkit) Info() harness.Info {
	return redisInfo(RedisMuxkit, "muxkit Client, transport/resp, 2 connections (the default)")
}

func (redisMuxkit) Dial(env harness.Env) (harness.Client, error) {
	pool, err := muxpool.New()
	if err != nil {
		return nil, err
	}
	c := transport.NewClient(pool, transport.Node{Network: "tcp", Address: env.Addr}, resp.Protocol{}, "ECHO", resp.EncodeCommand, resp.DecodeValue)
	echo := c.Endpoint()
	return harness.ClientFunc(func(int) (harness.Call, error) {
		return func(ctx context.Context, req []byte, check harness.Check) error {
			v, err := echo(ctx, resp.Cmd("ECHO").Bytes(req))
			if err != nil {
				return err
			}
			return check(v.(resp.Value).Text)
		}, nil
	}), c.Err()
}

// redisRueidis is rueidis on the same.
type redisRueidis struct {
	redisServe
	rueidisEcho
}

func (redisRueidis) Info() harness.Info {
	return redisInfo("redis-rueidis", "rueidis, auto-pipelined on 4 connections (its default)")
}

func (r redisRueidis) Serve(env harness.Env) (string, error)        { return r.redisServe.Serve(env) }
func (r redisRueidis) Dial(env harness.Env) (harness.Client, error) { return r.rueidisEcho.Dial(env) }

// redisGo is go-redis: a connection for each call that is under way, of a pool.
type redisGo struct{ redisServe }

func (redisGo) Info() harness.Info {
	return redisInfo("redis-go-redis", "go-redis, a pool of 10 connections a processor (its default)")
}

func (redisGo) Dial(env harness.Env) (harness.Client, error) {
	client := goredis.NewClient(&goredis.Options{Addr: env.Addr, ContextTimeoutEnabled: true})
	return harness.ClientFunc(func(int) (harness.Call, error) {
		return func(ctx context.Context, req []byte, check harness.Check) error {
			b, err := client.Echo(ctx, req).Bytes()
			if err != nil {
				return err
			}
			return check(b)
		}, nil
	}), nil
}
