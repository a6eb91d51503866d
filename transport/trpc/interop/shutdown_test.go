package interop

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestFromClientRollingShutdown: the real client knows nothing of servers that go away.
// Each of its calls is answered while our Service is shut down under the load of 16
// callers: with its answer, or, unrun, with an error by which the caller goes to another.
func TestFromClientRollingShutdown(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s, other := serve(t), serve(t)
		var answered, refused atomic.Int64
		over := make(chan struct{})
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				for at := s.address; ; {
					select {
					case <-over:
						return
					default:
					}
					body := nonce()
					out := s.call(Order{Address: at, Method: "Echo", Body: []byte(body), Multiplexed: multiplexed, TimeoutMS: 20_000})
					switch {
					case !out.Failed && string(out.Body) == body:
						answered.Add(1)
					case at == s.address && out.Type == typeCallee && strings.HasPrefix(out.Message, "the connection is going away"):
						refused.Add(1)
						at = other.address
					default:
						t.Errorf("lost: %+v", out)
						return
					}
				}
			})
		}
		for end := time.Now().Add(patience); answered.Load() < 200 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.service.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		before := answered.Load()
		for end := time.Now().Add(patience); answered.Load() < before+200 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		close(over)
		callers.Wait()
		if refused.Load() == 0 {
			t.Error("nobody was refused: nothing was shown")
		}
		t.Logf("%d calls were answered, %d refused and made elsewhere", answered.Load(), refused.Load())
	})
}
