// Command after serves and calls addsvc over muxkit.
package main

import "github.com/muxkit/muxkit/examples/addsvc"

func main() { addsvc.Program{Server: newServer, Client: newClient}.Main() }
