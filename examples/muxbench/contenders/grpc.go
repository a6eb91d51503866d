package contenders

import (
	"context"
	"net"
	"runtime"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/types/known/wrapperspb"

	gokitgrpc "github.com/go-kit/kit/transport/grpc"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

const (
	grpcService = "muxbench.Echo"
	grpcMethod  = "/" + grpcService + "/Echo"
)

// grpcConns is how many connections the callers share: measured best of 1, 2 and
// 4.
const grpcConns = 2

// plainGRPC is grpc-go alone: a unary call with a protobuf message of one bytes
// field.
type plainGRPC struct{}

func (plainGRPC) Info() harness.Info {
	return harness.Info{
		Name:     "grpc",
		About:    "grpc-go unary, protobuf BytesValue, 2 connections, windows of 1 MiB a stream and 16 MiB a connection, buffers up to 128 KiB pooled",
		Contexts: true,
		Sized:    true,
		Nets:     harness.AllNets,
	}
}

func (plainGRPC) Serve(env harness.Env) (string, error) {
	return serveGRPC(env, func(_ context.Context, req *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
		req.Value = harness.Answer(req.Value)
		return req, nil
	})
}

func (plainGRPC) Dial(env harness.Env) (harness.Client, error) {
	ccs, err := dialGRPC(env)
	if err != nil {
		return nil, err
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		cc := ccs[i%grpcConns]
		return func(ctx context.Context, req []byte, check harness.Check) error {
			var resp wrapperspb.BytesValue
			if err := cc.Invoke(ctx, grpcMethod, &wrapperspb.BytesValue{Value: req}, &resp); err != nil {
				return err
			}
			return check(resp.Value)
		}, nil
	}), nil
}

// gokitGRPC is Go kit's grpc transport on both sides.
type gokitGRPC struct{}

func (gokitGRPC) Info() harness.Info {
	info := plainGRPC{}.Info()
	info.Name, info.Sized = "gokit-grpc", false
	info.About = "Go kit transport/grpc client and server on grpc-go with the settings of grpc"
	return info
}

func (gokitGRPC) Serve(env harness.Env) (string, error) {
	server := gokitgrpc.NewServer(echoEndpoint,
		func(_ context.Context, req any) (any, error) { return req.(*wrapperspb.BytesValue).Value, nil },
		func(_ context.Context, resp any) (any, error) {
			return &wrapperspb.BytesValue{Value: resp.([]byte)}, nil
		})
	return serveGRPC(env, func(ctx context.Context, req *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
		_, resp, err := server.ServeGRPC(ctx, req)
		if err != nil {
			return nil, err
		}
		return resp.(*wrapperspb.BytesValue), nil
	})
}

func (gokitGRPC) Dial(env harness.Env) (harness.Client, error) {
	ccs, err := dialGRPC(env)
	if err != nil {
		return nil, err
	}
	var calls [grpcConns]harness.Call
	for i, cc := range ccs {
		calls[i] = endpointCall(gokitgrpc.NewClient(cc, grpcService, "Echo",
			func(_ context.Context, req any) (any, error) { return &wrapperspb.BytesValue{Value: req.([]byte)}, nil },
			func(_ context.Context, resp any) (any, error) { return resp.(*wrapperspb.BytesValue).Value, nil },
			wrapperspb.BytesValue{}).Endpoint())
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) { return calls[i%grpcConns], nil }), nil
}

// echoEndpoint is the service of all Go kit contenders.
func echoEndpoint(_ context.Context, request any) (any, error) { return request, nil }

// endpointCall calls an endpoint of []byte to []byte.
func endpointCall(ep func(context.Context, any) (any, error)) harness.Call {
	return func(ctx context.Context, req []byte, check harness.Check) error {
		resp, err := ep(ctx, req)
		if err != nil {
			return err
		}
		return check(resp.([]byte))
	}
}

type bytesHandler func(context.Context, *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)

func serveGRPC(env harness.Env, handle bytesHandler) (string, error) {
	poolGRPC()
	l, err := env.Listen()
	if err != nil {
		return "", err
	}
	server := grpc.NewServer(
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0))),
		grpc.InitialWindowSize(grpcStreamWindow), grpc.InitialConnWindowSize(grpcConnWindow),
		grpc.ReadBufferSize(grpcBuffer), grpc.WriteBufferSize(grpcBuffer),
		grpc.MaxConcurrentStreams(1<<20), grpc.MaxRecvMsgSize(grpcMessage))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: grpcService,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Echo",
			Handler: func(_ any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				var req wrapperspb.BytesValue
				if err := dec(&req); err != nil {
					return nil, err
				}
				return handle(ctx, &req)
			},
		}},
	}, nil)
	go server.Serve(l)
	return l.Addr().String(), nil
}

const (
	grpcStreamWindow = 1 << 20
	grpcConnWindow   = 16 << 20
	grpcBuffer       = 128 << 10
	grpcMessage      = 16 << 20 // the largest
)

// poolGRPC gives grpc a buffer size between 32 KiB and 1 MiB. Without it every
// message of 64 KiB costs the zeroing of several megabytes.
var poolGRPC = sync.OnceFunc(func() {
	pool, err := mem.NewBinaryTieredBufferPool(8, 12, 13, 14, 15, 16, 17, 20)
	if err != nil {
		panic("these are powers of two: " + err.Error())
	}
	experimental.SetDefaultBufferPool(pool)
})

// dialGRPC connects. TLS, where asked for, is the listener's and the dialer's, as
// for everybody.
func dialGRPC(env harness.Env) (ccs [grpcConns]*grpc.ClientConn, err error) {
	poolGRPC()
	for i := range ccs {
		ccs[i], err = grpc.NewClient("passthrough:///"+env.Addr,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return env.DialConn() }),
			grpc.WithInitialWindowSize(grpcStreamWindow), grpc.WithInitialConnWindowSize(grpcConnWindow),
			grpc.WithReadBufferSize(grpcBuffer), grpc.WithWriteBufferSize(grpcBuffer),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(grpcMessage)))
		if err != nil {
			return ccs, err
		}
	}
	return ccs, nil
}
