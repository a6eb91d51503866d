package contenders

import (
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
	"github.com/muxkit/muxkit/transport"
)

// muxkitFull is the full chain: Retry, Balancer, and for each node a breaker
// and a Client.
type muxkitFull struct{}

func (muxkitFull) Info() harness.Info {
	info := muxkitService{}.Info()
	info.Name = MuxkitChain
	info.About = "the same in the full chain: Retry, Balancer, a breaker per node, fed by the pool"
	return info
}

func (muxkitFull) Serve(env harness.Env) (string, error) { return muxkitService{}.Serve(env) }

func (muxkitFull) Dial(env harness.Env) (harness.Client, error) {
	pool, opts, err := newMuxkitPool(env)
	if err != nil {
		return nil, err
	}
	breakers := breaker.NewGroup()
	breakers.Watch(pool)
	node := transport.Node{Network: env.Network(), Address: env.Addr}
	set := muxendpoint.NewSet(sd.FixedInstancer{node.String()}, log.NewNopLogger(),
		muxendpoint.WithBreakers(breakers),
		muxendpoint.WithRetry(3, 30*time.Second))
	methods := map[string]endpoint.Endpoint{}
	for _, method := range []string{muxkitMethod, muxkitBulk} {
		methods[method] = set.Endpoint(method, func(n transport.Node) *transport.Client {
			return muxkitService{}.client(pool, opts, n, method)
		})
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		return bufferCall(methods[methodOf(env, i)]), set.Err()
	}), nil
}
