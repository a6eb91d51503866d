package main

import (
	"context"
	"errors"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	"github.com/go-kit/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/muxkit/muxkit/examples/addsvc"
	"github.com/muxkit/muxkit/examples/addsvc/pb"
)

// newClient returns a Service whose calls go to the nodes in turn.
func newClient(nodes []string, _ log.Logger) (addsvc.Service, func(), error) {
	var conns []*grpc.ClientConn
	end := func() {
		for _, conn := range conns {
			conn.Close()
		}
	}
	for _, node := range nodes {
		conn, err := grpc.NewClient("passthrough:///"+node, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			end()
			return nil, nil, err
		}
		conns = append(conns, conn)
	}
	method := func(name string, enc kitgrpc.EncodeRequestFunc, dec kitgrpc.DecodeResponseFunc, reply any) endpoint.Endpoint {
		var endpoints sd.FixedEndpointer
		for _, conn := range conns {
			endpoints = append(endpoints, kitgrpc.NewClient(conn, "pb.Add", name, enc, dec, reply,
				kitgrpc.ClientBefore(sendRequestID)).Endpoint())
		}
		return last(lb.Retry(3, 3*time.Second, lb.NewRoundRobin(endpoints)))
	}
	return addsvc.Endpoints{
		SumEndpoint:    method("Sum", addsvc.EncodeSumRequest, addsvc.DecodeSumResponse, pb.SumReply{}),
		ConcatEndpoint: method("Concat", addsvc.EncodeConcatRequest, addsvc.DecodeConcatResponse, pb.ConcatReply{}),
	}, end, nil
}

// last makes the last attempt's error that of the call: lb.RetryError hides its status.
func last(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		response, err := next(ctx, request)
		var all lb.RetryError
		if errors.As(err, &all) {
			err = all.Final
		}
		return response, err
	}
}

func sendRequestID(ctx context.Context, md *metadata.MD) context.Context {
	md.Set("request-id", addsvc.RequestID(ctx))
	return ctx
}
