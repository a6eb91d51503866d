package etcdsd_test

import (
	"context"
	"time"

	"github.com/go-kit/log"
	clientv3 "go.etcd.io/etcd/client/v3"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/etcdsd"
	muxtransport "github.com/muxkit/muxkit/transport"
)

var _ = []any{client, server}

func client(logger log.Logger) (*muxendpoint.Set, error) {
	etcd, err := clientv3.New(etcdsd.ClientConfig("etcd-1:2379", "etcd-2:2379", "etcd-3:2379"))
	if err != nil {
		return nil, err
	}
	instancer, err := etcdsd.NewInstancer(etcd, "/services/stock/", etcdsd.WithLogger(logger))
	if err != nil {
		return nil, err
	}
	set := muxendpoint.NewSet(instancer, logger)
	return set, nil
}

func server(ctx context.Context, etcd *clientv3.Client, service *muxtransport.Service) error {
	registrar, err := etcdsd.NewRegistrar(etcd, "/services/stock/10.0.0.1:8080",
		muxendpoint.Instance{Address: "10.0.0.1:8080", Weight: 200, Zone: "north"}, etcdsd.WithTTL(10*time.Second))
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
