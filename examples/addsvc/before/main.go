// Command before serves and calls addsvc over go-kit's gRPC transport.
package main

import "github.com/muxkit/muxkit/examples/addsvc"

func main() { addsvc.Program{Server: newServer, Client: newClient}.Main() }
