package muxpool

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// echoUDP answers every datagram at addr with itself until the test ends, or silent is set.
func echoUDP(t *testing.T, addr string, silent *atomic.Bool) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Skip("needs a second address of the loopback device: ", err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { pc.Close(); bounded.Receive(t, ended) })
	go func() {
		defer close(ended)
		buf := make([]byte, 1<<16)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if !silent.Load() {
				_, _ = pc.WriteTo(buf[:n], from)
			}
		}
	}()
	return pc.LocalAddr().String()
}

// TestNameThatMoves: datagrams go to where their name points, a while after nothing has come
// from where it pointed, and to the other address of a name with two; a silent peer that has
// not moved keeps its socket.
func TestNameThatMoves(t *testing.T) {
	one, two := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	for name, row := range map[string]struct {
		after []netip.Addr // what the name has when the first one has fallen silent
		moves bool
	}{
		"elsewhere":       {[]netip.Addr{two}, true},
		"has another one": {[]netip.Addr{one, two}, true},
		"stays":           {[]netip.Addr{one}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var dead, alive atomic.Bool
			first := echoUDP(t, "127.0.0.1:0", &dead)
			_, port, _ := net.SplitHostPort(first)
			second := echoUDP(t, "127.0.0.2:"+port, &alive)
			pool, err := New(WithConnectNumber(1), WithKeepAlive(100*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			opts := NewGetOptions()
			opts.WithFrameParser(worldParser{})
			n, err := pool.node(Node{"udp", "moving.test:" + port}, &opts)
			if err != nil {
				t.Fatal(err)
			}
			var addrs atomic.Pointer[[]netip.Addr]
			addrs.Store(&[]netip.Addr{one})
			var lookups atomic.Int32
			n.dialer.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
				lookups.Add(1)
				return slices.Clone(*addrs.Load()), nil
			}
			call := func(d time.Duration) (at string, err error) {
				ctx, cancel := context.WithTimeout(t.Context(), d)
				defer cancel()
				m, err := pool.GetMuxConn(ctx, "udp", "moving.test:"+port, opts)
				if err != nil {
					return "", err
				}
				defer m.Close()
				if err := m.Write(worldFrame(worldAnswer, m.VID(), 1)); err != nil {
					return "", err
				}
				_, err = m.Read()
				return m.RemoteAddr().String(), err
			}
			limit := new(bounded.Limit)
			if at, err := call(time.Hour); err != nil || at != first {
				t.Fatalf("the first call went to %s: %v", at, err)
			}
			dead.Store(true)
			addrs.Store(&row.after)
			looked := lookups.Load()
			for each := 20 * time.Millisecond; ; each += each / 8 { // as long as the machine needs
				at, err := call(each)
				switch {
				case row.moves && err == nil && at == second:
					if pool.Stats().ConnsClosed.By(ReasonRetired) == 1 { // it closes a moment after its last call
						return
					}
					if limit.Over() {
						t.Fatalf("the old socket has not closed: %+v", pool.Stats())
					}
				case err == nil:
					t.Fatalf("an answer from %s", at)
				case !row.moves && lookups.Load() >= looked+2:
					if s := pool.Stats(); s.ConnsClosed.By(ReasonRetired) != 0 || len(s.Nodes[0].Conns) != 1 {
						t.Errorf("%d retired, %d sockets", s.ConnsClosed.By(ReasonRetired), len(s.Nodes[0].Conns))
					}
					return
				case limit.Over():
					t.Fatalf("after %d lookups calls still go to %s: %v", lookups.Load(), at, err)
				}
			}
		})
	}
}
