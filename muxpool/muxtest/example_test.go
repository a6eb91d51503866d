package muxtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// A plug-in's parser, put together of parts.
type parser struct {
	muxtest.Parser
	muxtest.Kinds
	muxtest.KeepAlive
}

func Example() {
	peer := muxtest.NewPeer(nil) // answers everything
	defer peer.Close()
	pool, err := muxpool.New(muxpool.WithDialContext(peer.DialContext))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	caller := muxtest.NewCaller(pool, "tcp", "peer:1", parser{})
	ctx := context.Background()

	fmt.Println("answered:", caller.Call(ctx, []byte("hello")) == nil)
	peer.Do(muxtest.Reset)
	fmt.Println("lost:", errors.Is(caller.Call(ctx, []byte("hello")), muxpool.ErrConnLost))
	peer.Do(muxtest.Echo)
	fmt.Println("recovered:", caller.Call(ctx, []byte("hello")) == nil)
	// Output:
	// answered: true
	// lost: true
	// recovered: true
}

// TestSlowPeer is an example too: a test of a slow peer that takes no time. In a
// bubble the clock moves on when everything waits.
func TestSlowPeer(t *testing.T) {
	muxtest.CheckLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(muxtest.Calls(muxtest.Delay(time.Hour))) // keepalives are answered at once
		defer peer.Close()
		pool, err := muxpool.New(muxpool.WithDialContext(peer.DialContext))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = muxtest.NewCaller(pool, "tcp", "peer:1", parser{}).Call(ctx, nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
