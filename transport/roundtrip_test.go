package transport_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
)

func TestRoundTrip(t *testing.T) {
	s := serve(t, map[string]*transport.Server{
		"Echo":   rawServer(echo),
		"Inline": rawServer(echo, transport.ServerInline()),
	})
	pool := newPool(t)
	for _, method := range []string{"Echo", "Inline"} {
		call := rawClient(pool, s.node, method)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for j := range 50 {
					nonce := fmt.Sprintf("%s-%d-%d", method, i, j)
					got, err := call(testContext(t), []byte(nonce))
					if err != nil || string(got.([]byte)) != nonce {
						t.Errorf("%s: got %s, %v", nonce, got, err)
						return
					}
				}
			})
		}
		bounded.Wait(t, wg.Wait)
	}
}
