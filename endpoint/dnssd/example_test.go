package dnssd_test

import (
	"github.com/go-kit/log"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/dnssd"
)

var _ = []any{services, headless}

func services(logger log.Logger) (*muxendpoint.Set, error) {
	instancer, err := dnssd.NewSRV("_stock._tcp.example.org")
	if err != nil {
		return nil, err
	}
	set := muxendpoint.NewSet(instancer, logger)
	return set, nil
}

func headless() (*dnssd.Instancer, error) {
	instancer, err := dnssd.NewAddresses("stock.shop.svc.cluster.local", 8080)
	return instancer, err
}
