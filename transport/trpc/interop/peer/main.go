// Command peer is trpc-go as it comes, driven by the tests: a server or a client. It
// ends with its standard input, so that it never outlives them.
package main

import (
	"flag"
	"time"

	"trpc.group/trpc-go/trpc-go/pool/multiplexed"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport/trpc/interop"
)

func main() {
	server := flag.Bool("server", false, "be a server, not a client")
	idle := flag.Duration("idle", time.Minute, "the server's idle timeout; trpc-go's default")
	goNet := flag.Bool("go-net", false, "serve on trpc-go's transport on package net instead of the default, tnet")
	address := flag.String("address", "127.0.0.1:0", "where to serve")
	flag.Parse()
	peertest.EndWithInput()
	if *server {
		serve(*address, *idle, *goNet)
	}
	pool := multiplexed.New(multiplexed.WithConnectNumber(1))
	peertest.CarryOut(func(o interop.Order) interop.Outcome { return carryOut(o, pool) })
}
