package transport_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
)

// TestHowLongAQuietClientIsWaitedFor: who cannot be told that the server goes away, and has
// called lately, may call again before it has heard, here or on other connections, which takes the two
// seconds until calls are refused; others are let go at once.
func TestHowLongAQuietClientIsWaitedFor(t *testing.T) {
	const told, untold, lately = time.Second, 100 * time.Millisecond, 3 * time.Second
	for name, row := range map[string]struct {
		protocol transport.ServerProtocol
		age      time.Duration // of the connection
		calls    bool          // it called when it was new
		took     time.Duration // the call's
		want     time.Duration // from when it is told, or from the call's end if that is later
	}{
		"it never called":                     {jsonrpc.Protocol{}, time.Second, false, 0, untold},
		"it called lately":                    {jsonrpc.Protocol{}, 5*time.Second - time.Millisecond, true, 0, lately},
		"it called long ago":                  {jsonrpc.Protocol{}, 5 * time.Second, true, 0, untold},
		"its call ended lately":               {jsonrpc.Protocol{}, 8 * time.Second, true, 4 * time.Second, lately},
		"it calls":                            {jsonrpc.Protocol{}, 8 * time.Second, true, 9 * time.Second, lately - time.Second},
		"it calls for long":                   {jsonrpc.Protocol{}, 8 * time.Second, true, 11 * time.Second, told},
		"it can be told, and never called":    {native.Protocol{}, time.Second, false, 0, told},
		"it can be told, and called long ago": {native.Protocol{}, 5 * time.Second, true, 0, told},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s, stop := servePipesOf(t, row.protocol, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
					time.Sleep(row.took)
					return r, nil
				})})
				defer stop()
				nc := p.dial(t)
				defer nc.Close()
				ended := make(chan time.Time, 1)
				go readToTheEnd(nc, ended)
				time.Sleep(time.Millisecond) // no call has ended when the connection began
				begin := time.Now()
				if row.calls {
					if _, err := nc.Write(scripted(row.protocol).request(1)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(row.age)
				synctest.Wait()
				down := make(chan error, 1)
				go func() { down <- s.Shutdown(context.Background()) }()
				from := begin.Add(max(row.age, row.took))
				if waited := bounded.Receive(t, ended).Sub(from); waited < row.want || waited > row.want+10*time.Millisecond {
					t.Errorf("it was waited for %v, want %v", waited, row.want)
				}
				if err := bounded.Receive(t, down); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// readToTheEnd tells when the server has closed nc.
func readToTheEnd(nc net.Conn, ended chan<- time.Time) {
	_, _ = io.Copy(io.Discard, nc)
	ended <- time.Now()
}
