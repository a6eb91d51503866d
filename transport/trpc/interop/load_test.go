package interop

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// TestManyCallersToServer: two thousand at once, some of whom leave; nobody gets another's
// answer.
func TestManyCallersToServer(t *testing.T) {
	bothTransports(t, func(t *testing.T, args []string) {
		c := newCaller(t, args)
		var callers sync.WaitGroup
		var left atomic.Int64
		for i := range 2000 {
			callers.Go(func() {
				c.echo()
				if i%10 == 0 {
					ctx, leave := context.WithCancel(t.Context())
					time.AfterFunc(time.Duration(i%7)*time.Millisecond, leave)
					if _, err := c.callWith(ctx, "Hold", nonce()); errors.Is(err, context.Canceled) {
						left.Add(1)
					}
				}
				c.echo()
			})
		}
		callers.Wait()
		if left.Load() != 200 {
			t.Errorf("%d callers left, not 200", left.Load())
		}
	})
}

// TestServerIsKilledAndComesBack: under load, twice; whoever is answered gets their own
// answer, and afterwards everybody does.
func TestServerIsKilledAndComesBack(t *testing.T) {
	bothTransports(t, func(t *testing.T, args []string) {
		server, address := startServer(t, args...)
		pool, err := muxpool.New()
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		c := &caller{t, pool, transport.Node{Network: "tcp", Address: address}}
		load, end := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		defer callers.Wait()
		defer end()
		var ok, failed atomic.Int64
		for range 50 {
			callers.Go(func() {
				for load.Err() == nil {
					body := nonce()
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					switch got, err := c.callWith(ctx, "Echo", body); {
					case err != nil:
						failed.Add(1)
					case got != body:
						t.Errorf("Echo(%q) gives %q", body, got)
					default:
						ok.Add(1)
					}
					cancel()
				}
			})
		}
		more := func(of *atomic.Int64, what string) {
			t.Helper()
			before := of.Load()
			for start := time.Now(); of.Load() < before+100; time.Sleep(time.Millisecond) {
				if time.Since(start) > patience {
					t.Fatalf("no more calls %s", what)
				}
			}
		}
		for range 2 {
			more(&ok, "are answered")
			server.kill()
			more(&failed, "fail")
			server, _ = startServer(t, append([]string{"-address", address}, args...)...)
		}
		more(&ok, "are answered")
		end()
		callers.Wait()
		t.Logf("%d calls were answered, %d failed", ok.Load(), failed.Load())
	})
}
