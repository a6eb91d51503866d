package muxpool_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// idle is a parser that returns a frame without reading, so that every connection
// ends as soon as it is there.
type idle struct{}

func (idle) Parse(io.Reader) (uint32, []byte, error) { return 0, nil, nil }

// TestConnEndsDuringGet: a Get with a context that can end looks at the connection
// after it was put on it, while that may be ending. For the race detector.
func TestConnEndsDuringGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(nil)
		defer peer.Close()
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(peer.DialContext))
		defer pool.Close()
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := muxtest.NewCaller(pool, "tcp", "peer:1", idle{}).Call(ctx, nil); err == nil {
				t.Error("an answer from a connection that ended")
			}
			cancel()
		}
	})
}
