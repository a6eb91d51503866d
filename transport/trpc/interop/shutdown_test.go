package interop

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
)

// TestFromClientRollingShutdown: the real client knows nothing of servers that go away.
// Each of its calls is answered while our Service is shut down under the load of 16
// callers: with its answer, or, unrun, with an error by which the caller goes to another.
func TestFromClientRollingShutdown(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s, other := serve(t), serve(t)
		var refused atomic.Int64
		var moved, answered [16]bool // callers that go to the other; that have been answered once
		var connected sync.WaitGroup // until all are answered: who dials during the shutdown is refused, and says so
		connected.Add(len(answered))
		load := peertest.Begin(t, len(moved), func(caller int, nonce string) (string, error) {
			for {
				o := Order{Method: "Echo", Body: []byte(nonce), Multiplexed: multiplexed, TimeoutMS: 20_000}
				if moved[caller] {
					o.Address = other.address
				}
				switch out := s.call(o); {
				case !out.Failed:
					if !answered[caller] {
						answered[caller] = true
						connected.Done()
					}
					return string(out.Body), nil
				case !moved[caller] && out.Type == typeCallee && strings.HasPrefix(out.Message, "the connection is going away"):
					refused.Add(1)
					moved[caller] = true
				default:
					return "", fmt.Errorf("%+v", out)
				}
			}
		})
		bounded.Wait(t, connected.Wait)
		load.Answered()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.service.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		load.Answered()
		if load.End() > 0 {
			t.Error("calls were lost: ", load)
		}
		if refused.Load() == 0 {
			t.Error("nobody was refused: nothing was shown")
		}
		t.Logf("%v; %d were refused and made elsewhere", load, refused.Load())
	})
}
