package trpcpool_test

import (
	"context"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport/trpc/trpcpool"
	"trpc.group/trpc-go/trpc-go/client"
)

// A greeter is a client's proxy, as trpc's command makes it of a .proto file.
type greeter interface {
	SayHello(context.Context, *hello, ...client.Option) (*hello, error)
}

type hello struct{ Msg string }

// The pool is made once, and given to each call, or to all of a proxy.
func Example() {
	_ = func(ctx context.Context, proxy greeter, req *hello) (*hello, error) {
		pool, err := trpcpool.New(muxpool.WithConnectNumber(4))
		if err != nil {
			return nil, err
		}
		defer pool.Close()
		rsp, err := proxy.SayHello(ctx, req, client.WithMultiplexedPool(pool))
		return rsp, err
	}
}
