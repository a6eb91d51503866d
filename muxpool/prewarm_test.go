package muxpool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestPreWarmConnectsBeforeTheFirstGet: New dials, and whoever comes first finds a
// connection.
func TestPreWarmConnectsBeforeTheFirstGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(nil)
		defer peer.Close()
		opts := muxpool.NewGetOptions()
		opts.WithFrameParser(muxtest.Parser{})
		pool, err := muxpool.New(muxpool.WithDialContext(peer.DialContext), muxpool.WithConnectNumber(2), muxpool.WithPreWarm("tcp", "peer:1", opts))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		synctest.Wait()
		warm := peer.Stats()
		if warm.Dials == 0 || warm.Open != warm.Dials {
			t.Fatalf("before the first Get: %+v", warm)
		}
		peer.OnDial(func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }) // who has to dial waits
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		mc, err := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{}).Get(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer mc.Close()
		if err := muxtest.Exchange(mc, []byte("x")); err != nil {
			t.Error(err)
		}
	})
}
