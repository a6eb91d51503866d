package interop

import (
	"context"
	"errors"
	"testing"

	"github.com/muxkit/muxkit/internal/callertest"
	"github.com/muxkit/muxkit/internal/peertest"
)

// TestManyCallersToServer: two thousand at once, some of whom leave; nobody gets another's
// answer.
func TestManyCallersToServer(t *testing.T) {
	bothTransports(t, func(t *testing.T, args []string) {
		c := newCaller(t, args)
		left := peertest.Crowd(t, c.echo, func(ctx context.Context) bool {
			_, err := c.CallWith(ctx, "Hold", nonce())
			return errors.Is(err, context.Canceled)
		})
		if left != 200 {
			t.Errorf("%d callers left, not 200", left)
		}
	})
}

func TestServerIsKilledAndComesBack(t *testing.T) {
	bothTransports(t, func(t *testing.T, args []string) {
		server, address := startServer(t, args...)
		c := caller{callertest.New(t, address, texts)}
		call := func(nonce string) (string, error) { return c.Patient("Echo", nonce) }
		peertest.KillTwice(t, call, server.Kill, func() func() {
			server, _ := startServer(t, append([]string{"-address", address}, args...)...)
			return server.Kill
		})
	})
}
