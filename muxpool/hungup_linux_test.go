//go:build !386

package muxpool_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestGetSeesThatThePeerHungUp: a connection that the peer has closed while it was idle
// takes no call, even if the read loop has not had the time to hear of that. TLS says goodbye
// before it closes: then that is what is left to be read.
func TestGetSeesThatThePeerHungUp(t *testing.T) {
	ca, err := muxtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"tcp", "unix", "tls"} {
		t.Run(kind, func(t *testing.T) {
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			network, at, config := "tcp", "127.0.0.1:0", (*tls.Config)(nil)
			switch kind {
			case "unix":
				network, at = kind, t.TempDir()+"/peer.sock"
			case "tls":
				config = &tls.Config{Certificates: []tls.Certificate{cert}}
			}
			addr, err := peer.Listen(network, at, config)
			if err != nil {
				t.Fatal(err)
			}
			var socket atomic.Pointer[net.Conn] // the pool's end, of the last dial
			pool := unhurried(t, muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
				var d net.Dialer
				nc, err := d.DialContext(ctx, network, address)
				socket.Store(&nc)
				return nc, err
			}))
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
			if config != nil {
				caller.Opts.WithTLSConfig(&tls.Config{RootCAs: ca.Pool()})
			}
			for i := range 300 {
				if err := caller.Call(t.Context(), fmt.Append(nil, i)); err != nil {
					t.Fatalf("call %d: %v", i, err)
				}
				peer.CloseConns()
				for limit := new(bounded.Limit); !muxpool.HungUp(*socket.Load()); { // the kernel may be later than the close
					if limit.Over() {
						t.Fatalf("call %d: the peer's end does not come", i)
					}
				}
				time.Sleep(20 * time.Microsecond) // about as long as the read loop takes to hear of it
			}
			select {
			case ev := <-failures:
				t.Errorf("counted as a failure: %v", ev)
			default:
			}
		})
	}
}
