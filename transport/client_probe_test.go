package transport_test

import (
	"context"
	"errors"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// plainPool is a pool that cannot ping.
type plainPool struct{ muxpool.Pool }

// A probe makes no call, and says how far it went.
func TestAProbeMakesNoCall(t *testing.T) {
	svc := serve(t, map[string]*transport.Server{"M": rawServer(func(context.Context, any) (any, error) {
		t.Error("a probe was taken for a call")
		return nil, nil
	})})
	pool, ctx := newPool(t), testContext(t)
	client := func(pool muxpool.Pool) *transport.Client {
		return transport.NewClient(pool, svc.node, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes)
	}
	if answered, err := client(pool).Probe(ctx); !answered || err != nil {
		t.Errorf("native: %v, %v", answered, err)
	}
	if answered, err := client(plainPool{pool}).Probe(ctx); answered || err != nil {
		t.Errorf("a pool that cannot ask: %v, %v", answered, err)
	}
	svc.Close()
	if _, err := client(pool).Probe(ctx); err == nil {
		t.Error("a node that is gone was taken for well")
	}
	if _, err := client(nil).Probe(ctx); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("a client without a pool: %v", err)
	}
}
