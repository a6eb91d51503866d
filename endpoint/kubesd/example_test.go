package kubesd_test

import (
	"os"

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
