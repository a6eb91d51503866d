package contenders

import (
	"context"
	"fmt"

	"github.com/cloudwego/gopkg/protocol/thrift"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// muxkitThrift is muxkit's Client and Service with what Kitex speaks, and Kitex's codec.
type muxkitThrift struct{}

func (muxkitThrift) Info() harness.Info {
	return harness.Info{
		Name:     MuxkitTTHeader,
		About:    "muxkit Client and Server, transport/ttheader, Kitex's fast codec, defaults: a goroutine per request",
		Contexts: true,
	}
}

func (muxkitThrift) Serve(env harness.Env) (string, error) {
	l, err := env.ListenBare()
	if err != nil {
		return "", err
	}
	service := transport.NewService(ttheader.Protocol{})
	service.Handle(thriftMethod, transport.NewServer(func(_ context.Context, request any) (any, error) {
		return &echoResult{request.(*echoArgs).Data}, nil
	}, thriftDecode[echoArgs], thriftEncode))
	go service.Serve(l)
	return l.Addr().String(), service.Err()
}

func (muxkitThrift) Dial(env harness.Env) (harness.Client, error) {
	pool, opts, err := newMuxkitPool(env)
	if err != nil {
		return nil, err
	}
	node := transport.Node{Network: env.Network(), Address: env.Addr}
	return harness.ClientFunc(func(int) (harness.Call, error) {
		client := transport.NewClient(pool, node, ttheader.Protocol{}, thriftMethod, thriftEncode, thriftDecode[echoResult],
			transport.ClientGetOptions(func(o *muxpool.GetOptions) { *o = opts }))
		call := client.Endpoint()
		return func(ctx context.Context, req []byte, check harness.Check) error {
			answer, err := call(ctx, &echoArgs{req})
			if err != nil {
				return err
			}
			return check(answer.(*echoResult).Data)
		}, client.Err()
	}), nil
}

// thriftEncode and thriftDecode are those of transport/ttheader/kitexbody.
func thriftEncode(_ context.Context, m *transport.Message, value any) error {
	s := value.(thrift.FastCodec)
	b := m.AllocBody(s.BLength())
	m.Body = b[:s.FastWriteNocopy(b, nil)]
	return nil
}

func thriftDecode[T any, P interface {
	*T
	thrift.FastCodec
}](_ context.Context, m *transport.Message) (any, error) {
	v := P(new(T))
	n, err := v.FastRead(m.Body)
	if err == nil && n != len(m.Body) {
		err = fmt.Errorf("%d bytes are left behind a %T", len(m.Body)-n, v)
	}
	m.ReleaseBody()
	return v, err
}
