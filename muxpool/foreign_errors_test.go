package muxpool_test

import (
	"context"
	"net"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// nosy is an error that looks at the pool when it is asked what it is.
type nosy struct{ look func() }

func (nosy) Error() string   { return "planted" }
func (n nosy) As(any) bool   { n.look(); return false }
func (n nosy) Is(error) bool { n.look(); return false }
func (n nosy) Unwrap() error { n.look(); return nil }

// nosyConn fails to write with such an error, once it is told to.
type nosyConn struct {
	net.Conn
	fails func() error
}

func (c nosyConn) Write(b []byte) (int, error) {
	if err := c.fails(); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// TestErrorsThatLookAtThePool: what the user's errors are is asked under no lock of the pool's.
func TestErrorsThatLookAtThePool(t *testing.T) {
	for name, row := range map[string]struct{ dial, write bool }{"of a dial": {dial: true}, "of a write": {write: true}} {
		t.Run(name, func(t *testing.T) {
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			var pool *muxpool.Multiplexed
			planted := nosy{func() { _ = pool.Stats() }}
			pool = unhurried(t, muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
				if row.dial {
					return nil, planted
				}
				nc, err := peer.DialContext(ctx, network, address)
				return nosyConn{nc, func() error {
					if row.write {
						return planted
					}
					return nil
				}}, err
			}))
			caller := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{})
			bounded.Wait(t, func() {
				if err := caller.Call(t.Context(), nil); err == nil {
					t.Error("the call is answered")
				}
			})
			bounded.Wait(t, func() { // the node takes its lock again
				_ = pool.Stats()
				_ = pool.Shutdown(t.Context())
			})
		})
	}
}
