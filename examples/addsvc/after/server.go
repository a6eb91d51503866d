package main

import (
	"context"
	"net"

	kittransport "github.com/go-kit/kit/transport"
	"github.com/go-kit/log"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/examples/addsvc"
	"github.com/muxkit/muxkit/examples/addsvc/pb"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/grpcstatus"
	"github.com/muxkit/muxkit/transport/native"
)

func newServer(e addsvc.Endpoints, logger log.Logger) (func(net.Listener) error, func(context.Context) error) {
	s := newService(e, logger)
	return s.Serve, s.Shutdown
}

func newService(e addsvc.Endpoints, logger log.Logger) *muxtransport.Service {
	s := muxtransport.NewService(native.Protocol{},
		muxtransport.ServiceErrorHandler(kittransport.NewLogErrorHandler(logger)))
	options := []muxtransport.ServerOption{
		muxtransport.ServerBefore(takeRequestID),
		muxtransport.ServerMiddleware(muxendpoint.Judging(grpcstatus.Rule)), // errors that are statuses keep their codes
	}
	s.Handle("pb.Add/Sum", muxtransport.NewServer(e.SumEndpoint,
		decode[*pb.SumRequest](addsvc.DecodeSumRequest), encode(addsvc.EncodeSumResponse), options...))
	s.Handle("pb.Add/Concat", muxtransport.NewServer(e.ConcatEndpoint,
		decode[*pb.ConcatRequest](addsvc.DecodeConcatRequest), encode(addsvc.EncodeConcatResponse), options...))
	return s
}

func takeRequestID(ctx context.Context, m *muxtransport.Message) context.Context {
	return addsvc.WithRequestID(ctx, m.Get("request-id"))
}
