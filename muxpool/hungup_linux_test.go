package muxpool_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestGetSeesThatThePeerHungUp: a connection that the peer has closed while it was idle
// takes no call, even if the read loop has not had the time to hear of that.
func TestGetSeesThatThePeerHungUp(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			at := "127.0.0.1:0"
			if network == "unix" {
				at = t.TempDir() + "/peer.sock"
			}
			addr, err := peer.Listen(network, at, nil)
			if err != nil {
				t.Fatal(err)
			}
			pool := newPool(t, muxpool.WithConnectNumber(1))
			failures := make(chan muxpool.Event, 1)
			defer pool.Subscribe(func(ev muxpool.Event) {
				if ev.Reason.Failure() {
					select {
					case failures <- ev:
					default:
					}
				}
			})()
			caller := muxtest.NewCaller(pool, network, addr, muxtest.Parser{})
			for i := range 300 {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				if err := caller.Call(ctx, fmt.Append(nil, i)); err != nil {
					t.Fatalf("call %d: %v", i, err)
				}
				cancel()
				peer.CloseConns()
				time.Sleep(20 * time.Microsecond)
			}
			select {
			case ev := <-failures:
				t.Errorf("counted as a failure: %v", ev)
			default:
			}
		})
	}
}
