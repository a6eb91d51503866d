package main

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	"github.com/go-kit/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/examples/addsvc"
	"github.com/muxkit/muxkit/examples/addsvc/pb"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport/grpcstatus"
)

// behindASet is the middle way: go-kit's gRPC client, for which a Set chooses the node.
func behindASet(set *muxendpoint.Set) endpoint.Endpoint {
	return set.EndpointFrom("Sum", func(node string) (endpoint.Endpoint, io.Closer, error) {
		conn, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(node, "tcp://"),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, nil, err
		}
		return kitgrpc.NewClient(conn, "pb.Add", "Sum", addsvc.EncodeSumRequest, addsvc.DecodeSumResponse, pb.SumReply{}).Endpoint(), conn, nil
	}, muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: true}),
		muxendpoint.WithJudging(grpcstatus.Rule)) // statuses are understood
}

// TestBehindASet: of two nodes one is not there, and no call is lost.
func TestBehindASet(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve, shutdown := newServer(addsvc.NewEndpoints(addsvc.New()), log.NewNopLogger())
	ended := make(chan error, 1)
	go func() { ended <- serve(l) }()
	defer func() { _ = shutdown(t.Context()); bounded.Receive(t, ended) }()
	breakers := breaker.NewGroup()
	defer breakers.Close()
	set := muxendpoint.NewSet(sd.FixedInstancer{peertest.Nobody(t), l.Addr().String()}, nil,
		muxendpoint.WithBreakers(breakers), muxendpoint.WithRetry(3, time.Minute), muxendpoint.WithPolicy(muxendpoint.RoundRobin))
	defer set.Close()
	sum := behindASet(set)
	for range 20 {
		response, err := sum(t.Context(), addsvc.SumRequest{A: 40, B: 2})
		if err != nil || response.(addsvc.SumResponse).V != 42 {
			t.Errorf("got %v, %v", response, err)
		}
	}
}
