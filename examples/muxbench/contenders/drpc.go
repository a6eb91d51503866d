package contenders

import (
	"context"
	"fmt"

	"storj.io/drpc"
	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcpool"
	"storj.io/drpc/drpcserver"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// drpcPool is drpc, whose connections carry one call at a time, with its own
// pool of them.
type drpcPool struct{}

const drpcMethod = "/muxbench.Echo/Echo"

func (drpcPool) Info() harness.Info {
	return harness.Info{
		Name:     "drpc",
		About:    "drpc unary over its drpcpool (a connection carries one call at a time), bytes as messages",
		Contexts: true,
		Nets:     harness.AllNets,
	}
}

func (drpcPool) Serve(env harness.Env) (string, error) {
	l, err := env.Listen()
	if err != nil {
		return "", err
	}
	mux := drpcmux.New()
	if err := mux.Register(drpcEcho{}, drpcEcho{}); err != nil {
		return "", err
	}
	go drpcserver.New(mux).Serve(context.Background(), l)
	return l.Addr().String(), nil
}

func (drpcPool) Dial(env harness.Env) (harness.Client, error) {
	pool := drpcpool.New[string, drpcpool.Conn](drpcpool.Options{})
	conn := pool.Get(context.Background(), env.Addr, func(context.Context, string) (drpcpool.Conn, error) {
		nc, err := env.DialConn()
		if err != nil {
			return nil, err
		}
		return drpcconn.New(nc), nil
	})
	return harness.ClientFunc(func(int) (harness.Call, error) {
		var in, out drpcBytes
		return func(ctx context.Context, req []byte, check harness.Check) error {
			in.data = req
			if err := conn.Invoke(ctx, drpcMethod, drpcEncoding{}, &in, &out); err != nil {
				return err
			}
			return check(out.data)
		}, nil
	}), nil
}

// drpcEcho is the service and its description, as drpc's generator writes it.
type drpcEcho struct{}

func (drpcEcho) Echo(_ context.Context, in *drpcBytes) (*drpcBytes, error) { return in, nil }

func (drpcEcho) NumMethods() int { return 1 }

func (drpcEcho) Method(int) (string, drpc.Encoding, drpc.Receiver, any, bool) {
	return drpcMethod, drpcEncoding{}, func(srv any, ctx context.Context, in, _ any) (drpc.Message, error) {
		return srv.(drpcEcho).Echo(ctx, in.(*drpcBytes))
	}, drpcEcho.Echo, true
}

type drpcBytes struct{ data []byte }

// drpcEncoding sends the bytes as they are.
type drpcEncoding struct{}

func (drpcEncoding) Marshal(msg drpc.Message) ([]byte, error) {
	m, ok := msg.(*drpcBytes)
	if !ok {
		return nil, fmt.Errorf("message is a %T", msg)
	}
	return m.data, nil
}

func (drpcEncoding) Unmarshal(b []byte, msg drpc.Message) error {
	m, ok := msg.(*drpcBytes)
	if !ok {
		return fmt.Errorf("message is a %T", msg)
	}
	m.data = append(m.data[:0], b...)
	return nil
}
