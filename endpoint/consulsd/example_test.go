package consulsd_test

import (
	"context"
	"net/http"
	"time"

	"github.com/go-kit/log"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/consulsd"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// A client follows the nodes of a service.
func ExampleNewInstancer() {
	client := func(logger log.Logger) (*muxendpoint.Set, error) {
		instancer, err := consulsd.NewInstancer("stock", consulsd.WithTokenFile("/run/secrets/consul"), consulsd.WithLogger(logger))
		if err != nil {
			return nil, err
		}
		set := muxendpoint.NewSet(instancer, logger)
		return set, nil
	}
	_ = client
}

// A server registers, and says that it goes before it drains.
func ExampleNewRegistrar() {
	server := func(ctx context.Context, service *muxtransport.Service) error {
		registrar, err := consulsd.NewRegistrar("stock",
			muxendpoint.Instance{Address: "10.0.0.1:8080", Weight: 200, Zone: "north"}, consulsd.WithTTL(10*time.Second))
		if err != nil {
			return err
		}
		registrar.Register()
		<-ctx.Done() // a signal says that it is over

		registrar.Deregister() // first: a second later no client calls any more
		drain, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		return service.Shutdown(drain)
	}
	_ = server
}

// What may be said of the agent, and of which nodes are named.
func ExampleNewInstancer_options() {
	client := func(ca *http.Client, secret func() (string, error)) (*consulsd.Instancer, error) {
		return consulsd.NewInstancer("stock",
			consulsd.WithAddress("https://consul.internal:8501"), // default CONSUL_HTTP_ADDR, or this machine's
			consulsd.WithHTTPClient(ca),
			consulsd.WithToken(secret), // asked before each request
			consulsd.WithDatacenter("south"),
			consulsd.WithTags("v2"),                           // nodes that have all of them
			consulsd.WithWarning(),                            // and those whose checks warn
			consulsd.WithWait(time.Minute),                    // of a query that waits for a change
			consulsd.WithTimeout(3*time.Second),               // of the agent's answer, beside that
			consulsd.WithBackoff(time.Second, 20*time.Second), // between failures
			consulsd.WithGrace(2*time.Minute))                 // of nodes that Consul has lost
	}
	_ = client
}

// What a node says of itself, and when it is forgotten.
func ExampleNewRegistrar_options() {
	server := func() (*consulsd.Registrar, error) {
		return consulsd.NewRegistrar("stock", muxendpoint.Instance{Address: "10.0.0.1:8080"},
			consulsd.WithID("stock-1"),
			consulsd.WithTags("v2"),
			consulsd.WithTTL(15*time.Second),             // so long a node that crashed is named
			consulsd.WithDeregisterAfter(10*time.Minute), // and so long Consul remembers it
			consulsd.WithDrainDelay(2*time.Second))       // that Deregister waits for clients to hear of it
	}
	_ = server
}
