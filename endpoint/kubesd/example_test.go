package kubesd_test

import (
	"os"
	"time"

	"github.com/go-kit/log"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/kubesd"
)

var _ = pods

func pods(logger log.Logger) (*muxendpoint.Set, error) {
	instancer, err := kubesd.NewInstancer("stock", kubesd.WithPort("mux"), kubesd.WithZone(os.Getenv("ZONE")))
	if err != nil {
		return nil, err
	}
	set := muxendpoint.NewSet(instancer, logger)
	return set, nil
}

// Outside of a pod, or with an account of one's own.
func ExampleNewInstancer_options() {
	client := func(logger log.Logger) (*kubesd.Instancer, error) {
		return kubesd.NewInstancer("stock",
			kubesd.WithServer("https://10.96.0.1:443"),
			kubesd.WithServiceAccount("/etc/kube/account"), // a folder with token, ca.crt and namespace
			kubesd.WithNamespace("shop"),                   // default: that of the account
			kubesd.WithPort("mux"),
			kubesd.WithFamily("IPv6"), // default: IPv4, if the service has any of it
			kubesd.WithTimeout(5*time.Second),
			kubesd.WithGrace(2*time.Minute), // after the API server has lost its data
			kubesd.WithLogger(logger))
	}
	_ = client
}
