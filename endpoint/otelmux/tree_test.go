package otelmux

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// One call through three services on sockets, each with providers of its own: front calls
// shop (native), which calls stock (tRPC) twice: for what errs at first, so that it is
// retried, and for what hangs at first, so that it is hedged. stock calls old (JSON-RPC),
// which carries no trace context, so that its span is the root of a trace of its own.
func TestTheTreeOfACall(t *testing.T) {
	ctx := testContext(t)
	front, shop, stock, old := newProcess(t, "front"), newProcess(t, "shop"), newProcess(t, "stock"), newProcess(t, "old")
	pool := newPool(t)
	idempotent := muxendpoint.WithIdempotent(muxendpoint.Always)

	toOld, stopOld := serve(t, jsonrpc.Protocol{}, map[string]*muxtransport.Server{
		"Look": raw(func(_ context.Context, r any) (any, error) { return r, nil }),
	}, Server(old.with(WithSystem("jsonrpc"))...))
	look := newSet(t, []muxendpoint.Option{Client("old", stock.with(WithSystem("jsonrpc"))...)}, toOld).
		Endpoint("Look", clientOf(pool, jsonrpc.Protocol{}, "Look"))

	var reserved atomic.Int32
	begun, release := make(chan struct{}), make(chan struct{})
	methods := map[string]*muxtransport.Server{
		"/stock/Reserve": raw(func(ctx context.Context, r any) (any, error) {
			if reserved.Add(1) == 1 {
				return nil, errors.New("boom\x1b[31m")
			}
			return look(ctx, r)
		}),
		"/stock/Price": raw(func(ctx context.Context, r any) (any, error) {
			if muxtransport.CallerAttempt(ctx) == 1 {
				close(begun)
				<-release
				return r, nil
			}
			<-begun // the hedge may be the first to come
			return r, nil
		}),
	}
	var toStock [2]string
	var stopStock [2]func()
	for i := range toStock {
		toStock[i], stopStock[i] = serve(t, trpc.Protocol{}, methods, Server(stock.with()...))
	}
	set := newSet(t, []muxendpoint.Option{muxendpoint.WithRetry(3, 0), idempotent, Client("stock", shop.with()...)}, toStock[:]...)
	reserve := set.Endpoint("/stock/Reserve", clientOf(pool, trpc.Protocol{}, "/stock/Reserve"))
	price := set.Endpoint("/stock/Price", clientOf(pool, trpc.Protocol{}, "/stock/Price"), muxendpoint.WithHedging(20*time.Millisecond))
	toShop, stopShop := serve(t, native.Protocol{}, map[string]*muxtransport.Server{
		"Buy": raw(func(ctx context.Context, r any) (any, error) {
			if _, err := reserve(ctx, r); err != nil {
				return nil, err
			}
			return price(ctx, r)
		}),
	}, Server(shop.with()...))
	buy := newSet(t, []muxendpoint.Option{Client("shop", front.with()...)}, toShop).Endpoint("Buy", clientOf(pool, native.Protocol{}, "Buy"))

	got, err := buy(ctx, []byte(`"nonce 4711"`))
	close(release)
	if err != nil || string(got.([]byte)) != `"nonce 4711"` {
		t.Fatal(got, err)
	}
	for _, stop := range append(stopStock[:], stopShop, stopOld) {
		stop() // their spans have ended
	}
	drawn := tree([]*process{front, shop, stock, old}, keySystem, keyServerAddress, keyAttempts, keyAttempt, keyHedge, keyStatus, keyErrorType)
	if want := `
Buy [front, client] rpc.system.name=muxkit server.address=shop muxkit.call.attempts=1 rpc.status_code=OK
  Buy attempt [front, internal] rpc.system.name=muxkit server.address=shop muxkit.attempt.number=1 muxkit.attempt.hedge=false rpc.status_code=OK
    Buy [shop, server] rpc.system.name=muxkit rpc.status_code=OK
      /stock/Reserve [shop, client] rpc.system.name=muxkit server.address=stock muxkit.call.attempts=2 rpc.status_code=OK
        /stock/Reserve attempt [shop, internal] rpc.system.name=muxkit server.address=stock muxkit.attempt.number=1 muxkit.attempt.hedge=false rpc.status_code=UNKNOWN error.type=UNKNOWN
          /stock/Reserve [stock, server] rpc.system.name=muxkit rpc.status_code=UNKNOWN error.type=UNKNOWN
        /stock/Reserve attempt [shop, internal] rpc.system.name=muxkit server.address=stock muxkit.attempt.number=2 muxkit.attempt.hedge=false rpc.status_code=OK
          /stock/Reserve [stock, server] rpc.system.name=muxkit rpc.status_code=OK
            Look [stock, client] rpc.system.name=jsonrpc server.address=old muxkit.call.attempts=1 rpc.status_code=OK
              Look attempt [stock, internal] rpc.system.name=jsonrpc server.address=old muxkit.attempt.number=1 muxkit.attempt.hedge=false rpc.status_code=OK
      /stock/Price [shop, client] rpc.system.name=muxkit server.address=stock muxkit.call.attempts=2 rpc.status_code=OK
        /stock/Price attempt [shop, internal] rpc.system.name=muxkit server.address=stock muxkit.attempt.number=1 muxkit.attempt.hedge=false rpc.status_code=CANCELED
          /stock/Price [stock, server] rpc.system.name=muxkit rpc.status_code=OK
        /stock/Price attempt [shop, internal] rpc.system.name=muxkit server.address=stock muxkit.attempt.number=2 muxkit.attempt.hedge=true rpc.status_code=OK
          /stock/Price [stock, server] rpc.system.name=muxkit rpc.status_code=OK
Look [old, server] rpc.system.name=jsonrpc rpc.status_code=OK
`; drawn != strings.TrimPrefix(want, "\n") {
		t.Errorf("the tree is\n%s\nwant%s", drawn, want)
	}

	nodes := make(map[string]bool)
	for _, s := range shop.spans.Ended() {
		for _, kv := range s.Attributes() {
			if kv.Key == keyPeerPort {
				nodes["127.0.0.1:"+kv.Value.Emit()] = true
			}
		}
		if text := s.Status().Description; strings.Contains(text, "\x1b") || (text != "") != slices.ContainsFunc(s.Attributes(), isError) {
			t.Errorf("%s says %q", s.Name(), text)
		}
	}
	if !nodes[toStock[0]] || !nodes[toStock[1]] {
		t.Errorf("the attempts went to %v, of %v", nodes, toStock)
	}
	of := "rpc.system.name=muxkit server.address=stock"
	sameLines(t, "shop", series(t, shop),
		"rpc.server.call.duration s rpc.method=Buy rpc.status_code=OK rpc.system.name=muxkit: 1",
		"rpc.client.call.duration s rpc.method=/stock/Reserve rpc.status_code=OK "+of+": 1",
		"rpc.client.call.duration s rpc.method=/stock/Price rpc.status_code=OK "+of+": 1",
		"muxkit.client.attempt.duration s error.type=UNKNOWN rpc.method=/stock/Reserve rpc.status_code=UNKNOWN "+of+": 1",
		"muxkit.client.attempt.duration s rpc.method=/stock/Reserve rpc.status_code=OK "+of+": 1",
		"muxkit.client.attempt.duration s rpc.method=/stock/Price rpc.status_code=CANCELED "+of+": 1",
		"muxkit.client.attempt.duration s rpc.method=/stock/Price rpc.status_code=OK "+of+": 1",
		"muxkit.client.attempt.started {attempt} rpc.method=/stock/Reserve "+of+": 2",
		"muxkit.client.attempt.started {attempt} rpc.method=/stock/Price "+of+": 2",
		"muxkit.client.call.retries {retry} muxkit.retry.kind=retry rpc.method=/stock/Reserve "+of+": 1",
		"muxkit.client.call.retry_delay s rpc.method=/stock/Reserve "+of+": 1",
		"muxkit.client.call.hedges {hedge} rpc.method=/stock/Price "+of+": 1")
}

func isError(kv attribute.KeyValue) bool { return kv.Key == keyErrorType }
