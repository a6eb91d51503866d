package main

import (
	"context"
	"net"

	kittransport "github.com/go-kit/kit/transport"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	"github.com/go-kit/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/muxkit/muxkit/examples/addsvc"
	"github.com/muxkit/muxkit/examples/addsvc/pb"
)

// server is what the generated code calls.
type server struct {
	pb.UnimplementedAddServer
	sum, concat kitgrpc.Handler
}

func newServer(e addsvc.Endpoints, logger log.Logger) (func(net.Listener) error, func(context.Context) error) {
	s := grpc.NewServer(grpc.UnaryInterceptor(kitgrpc.Interceptor))
	pb.RegisterAddServer(s, newAdd(e, logger))
	return s.Serve, func(context.Context) error { s.GracefulStop(); return nil }
}

func newAdd(e addsvc.Endpoints, logger log.Logger) *server {
	options := []kitgrpc.ServerOption{
		kitgrpc.ServerErrorHandler(kittransport.NewLogErrorHandler(logger)),
		kitgrpc.ServerBefore(takeRequestID),
	}
	return &server{
		sum:    kitgrpc.NewServer(e.SumEndpoint, addsvc.DecodeSumRequest, addsvc.EncodeSumResponse, options...),
		concat: kitgrpc.NewServer(e.ConcatEndpoint, addsvc.DecodeConcatRequest, addsvc.EncodeConcatResponse, options...),
	}
}

func (s *server) Sum(ctx context.Context, m *pb.SumRequest) (*pb.SumReply, error) {
	_, reply, err := s.sum.ServeGRPC(ctx, m)
	if err != nil {
		return nil, err
	}
	return reply.(*pb.SumReply), nil
}

func (s *server) Concat(ctx context.Context, m *pb.ConcatRequest) (*pb.ConcatReply, error) {
	_, reply, err := s.concat.ServeGRPC(ctx, m)
	if err != nil {
		return nil, err
	}
	return reply.(*pb.ConcatReply), nil
}

func takeRequestID(ctx context.Context, md metadata.MD) context.Context {
	if ids := md.Get("request-id"); len(ids) > 0 {
		ctx = addsvc.WithRequestID(ctx, ids[0])
	}
	return ctx
}
