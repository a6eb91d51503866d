package main

import (
	"flag"

	"github.com/muxkit/muxkit/internal/peertest"
)

func main() {
	address := flag.String("server", "", "be a server at this address, not a client")
	flag.Parse()
	peertest.EndWithInput()
	if *address != "" {
		serve(*address)
	}
	peertest.CarryOut(carryOut)
}
