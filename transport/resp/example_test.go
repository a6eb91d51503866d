package resp_test

import (
	"context"
	"fmt"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/resp"
)

// Commands of all callers are pipelined on the connections that they share. (It needs a Redis to be run.)
func Example() {
	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	node := transport.Node{Network: "tcp", Address: "127.0.0.1:6379"}
	price(context.Background(), pool, node, "secret")
}

func price(ctx context.Context, pool muxpool.Pool, node transport.Node, secret string) {
	p := resp.Protocol{Password: secret, DB: 2}
	redis := transport.NewClient(pool, node, p, "redis", resp.EncodeCommand, resp.DecodeValue).Endpoint()

	if _, err := redis(ctx, resp.Cmd("SET", "price:42", "17").Arg("EX").Int(60)); err != nil {
		fmt.Println(err)
	}
	v, err := redis(ctx, resp.Cmd("GET", "price:42"))
	if price, ok := v.(resp.Value); ok && !price.IsNull() {
		fmt.Println(price, err)
	}
}
