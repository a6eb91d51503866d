// Command before serves and calls profilesvc over go-kit's HTTP transport.
package main

import (
	"net/http"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/examples/profilesvc"
)

func main() {
	profilesvc.Program{
		Server: func(e profilesvc.Endpoints, logger log.Logger) profilesvc.Server {
			return &http.Server{Handler: newHandler(e, logger)}
		},
		Client: newClient,
	}.Main()
}
