package contenders

import (
	"context"
	"time"

	"github.com/cloudwego/gopkg/protocol/thrift"
	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/connpool"
	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"github.com/cloudwego/kitex/server"
	kitextransport "github.com/cloudwego/kitex/transport"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// kitexEcho is Kitex with TTHeader: its mux, which it has deprecated, or its pool of long
// connections, each of which carries one call at a time.
type kitexEcho struct{ pool bool }

func (k kitexEcho) Info() harness.Info {
	info := harness.Info{
		Name:     "kitex-mux",
		About:    "Kitex v0.16.3, TTHeader, WithMuxTransport and WithMuxConnection(2), its fast codec",
		Contexts: true,
		NoWrites: true, // netpoll's are sendmsg
	}
	if k.pool {
		info.Name, info.About = "kitex-pool", "Kitex v0.16.3, TTHeader, WithLongConnection (a connection carries one call at a time), its fast codec"
	}
	return info
}

func (k kitexEcho) Serve(env harness.Env) (string, error) {
	klog.SetLevel(klog.LevelError)
	l, err := env.ListenBare()
	if err != nil {
		return "", err
	}
	options := []server.Option{server.WithListener(l)}
	if !k.pool {
		options = append(options, server.WithMuxTransport())
	}
	s := server.NewServer(options...)
	if err := s.RegisterService(kitexService(), new(struct{})); err != nil {
		return "", err
	}
	go s.Run()
	return l.Addr().String(), nil
}

func (k kitexEcho) Dial(env harness.Env) (harness.Client, error) {
	klog.SetLevel(klog.LevelError)
	options := []client.Option{
		client.WithDestService("echo"), client.WithHostPorts(env.Addr), client.WithConnectTimeout(10 * time.Second),
		client.WithTransportProtocol(kitextransport.TTHeader),
	}
	if k.pool {
		options = append(options, client.WithLongConnection(connpool.IdleConfig{
			MaxIdlePerAddress: env.Callers, MaxIdleGlobal: env.Callers, MaxIdleTimeout: time.Minute,
		}))
	} else {
		options = append(options, client.WithMuxConnection(2))
	}
	c, err := client.NewClient(kitexService(), options...)
	if err != nil {
		return nil, err
	}
	return harness.ClientFunc(func(int) (harness.Call, error) {
		return func(ctx context.Context, req []byte, check harness.Check) error {
			var answer echoResult
			if err := c.Call(ctx, thriftMethod, &echoArgs{req}, &answer); err != nil {
				return err
			}
			return check(answer.Data)
		}, nil
	}), nil
}

// thriftMethod is the method of everybody who speaks Thrift:
//
//	binary Echo(1: binary data)
const thriftMethod = "Echo"

// kitexService is what Kitex's generator makes of that.
func kitexService() *serviceinfo.ServiceInfo {
	handler := func(_ context.Context, _, args, result any) error {
		result.(*echoResult).Data = args.(*echoArgs).Data
		return nil
	}
	return &serviceinfo.ServiceInfo{
		ServiceName: "Echo", HandlerType: (*struct{})(nil), PayloadCodec: serviceinfo.Thrift,
		Methods: map[string]serviceinfo.MethodInfo{
			thriftMethod: serviceinfo.NewMethodInfo(handler, func() any { return new(echoArgs) }, func() any { return new(echoResult) }, false),
		},
	}
}

// echoArgs and echoResult have Kitex's fast codec, which muxkit's side uses, too.
type (
	echoArgs   struct{ Data []byte }
	echoResult struct{ Data []byte }
)

func (a *echoArgs) BLength() int { return thriftLength(a.Data) }

func (a *echoArgs) FastWriteNocopy(b []byte, w thrift.NocopyWriter) int {
	return thriftWrite(b, w, 1, a.Data)
}

func (a *echoArgs) FastRead(b []byte) (n int, err error) {
	a.Data, n, err = thriftRead(b, 1)
	return n, err
}

func (r *echoResult) BLength() int { return thriftLength(r.Data) }

func (r *echoResult) FastWriteNocopy(b []byte, w thrift.NocopyWriter) int {
	return thriftWrite(b, w, 0, r.Data)
}

func (r *echoResult) FastRead(b []byte) (n int, err error) {
	r.Data, n, err = thriftRead(b, 0)
	return n, err
}

func thriftLength(data []byte) int {
	return thrift.Binary.FieldBeginLength() + thrift.Binary.BinaryLengthNocopy(data) + thrift.Binary.FieldStopLength()
}

func thriftWrite(b []byte, w thrift.NocopyWriter, field int16, data []byte) int {
	n := thrift.Binary.WriteFieldBegin(b, thrift.STRING, field)
	n += thrift.Binary.WriteBinaryNocopy(b[n:], w, data)
	return n + thrift.Binary.WriteFieldStop(b[n:])
}

// thriftRead reads a struct with data in one field.
func thriftRead(b []byte, field int16) (data []byte, n int, err error) {
	for {
		kind, id, l, err := thrift.Binary.ReadFieldBegin(b[n:])
		if n += l; err != nil || kind == thrift.STOP {
			return data, n, err
		}
		if kind == thrift.STRING && id == field {
			data, l, err = thrift.Binary.ReadBinary(b[n:])
		} else {
			l, err = thrift.Binary.Skip(b[n:], kind)
		}
		if n += l; err != nil {
			return data, n, err
		}
	}
}
