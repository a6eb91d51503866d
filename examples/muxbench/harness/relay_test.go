package harness

import (
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// Three connections share the rate alike, whatever they have to send, and one that sends
// little does not wait for what others have waiting.
func TestTurnsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newTurns(1 << 20) // 64 chunks a second
		var wg sync.WaitGroup
		defer bounded.Wait(t, wg.Wait)
		wg.Go(shared.run)
		defer shared.stop()
		begin, got := time.Now(), make([]int, 3)
		for i := range got {
			from, client := net.Pipe()
			server, to := net.Pipe()
			wg.Go(func() { shared.pass(to, from) })
			wg.Go(func() {
				for {
					if _, err := client.Write(make([]byte, relayChunk)); err != nil {
						return
					}
				}
			})
			wg.Go(func() {
				buf := make([]byte, relayChunk)
				for {
					n, err := server.Read(buf)
					if err != nil {
						return
					}
					if time.Since(begin) < 3*time.Second {
						got[i] += n
					}
				}
			})
			defer client.Close()
			defer server.Close()
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		for i, n := range got {
			if want := 1 << 20; n < want*9/10 || n > want*11/10 {
				t.Errorf("connection %d of 3 passed %d bytes in 3 s, want a third of 3 MiB", i, n)
			}
		}
	})
}

// What goes in comes out, in both directions, and stop ends it all.
func TestRelayPassesOn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		_, _ = io.Copy(nc, nc) // ends with the connection
	}()
	r, err := startRelay(l.Addr().String(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", r.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	sent := newPayload(1<<20, 7)
	sent.stamp()
	go nc.Write(sent.bytes)
	answer := make([]byte, len(sent.bytes))
	if _, err := io.ReadFull(nc, answer); err != nil {
		t.Fatal(err)
	}
	if err := sent.check(answer); err != nil {
		t.Error(err)
	}
	r.stop()
	if n, err := nc.Read(answer); err == nil {
		t.Errorf("%d bytes after the end", n)
	}
}
