// Command after serves and calls profilesvc over muxkit.
package main

import (
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/examples/profilesvc"
)

func main() {
	profilesvc.Program{
		Server: func(e profilesvc.Endpoints, logger log.Logger) profilesvc.Server { return newService(e, logger) },
		Client: newClient,
	}.Main()
}
