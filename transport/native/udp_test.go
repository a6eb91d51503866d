package native_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func listenUDP(t *testing.T) net.PacketConn {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	_ = pc.SetDeadline(time.Now().Add(waitTime))
	return pc
}

// TestNoSettingsOverUDP: neither side sends any, and both ignore what comes.
func TestNoSettingsOverUDP(t *testing.T) {
	t.Run("a client", func(t *testing.T) {
		pc, pool := listenUDP(t), newPool(t)
		node := transport.Node{Network: "udp", Address: pc.LocalAddr().String()}
		for range 2 {
			got := make(chan error, 1)
			go func() {
				_, err := call(pool, node, nil)(testContext(t), "M", []byte("a"))
				got <- err
			}()
			buf := make([]byte, 1000)
			n, from, err := pc.ReadFrom(buf)
			if err != nil || buf[5] != 1 {
				t.Fatalf("the datagram is %x, %v, not a request", buf[:n], err)
			}
			for _, datagram := range [][]byte{frameSize(1), settingsOf(pair{2, 1}, pair{1, 1}), appendAnswer(t, uint32(buf[11])|uint32(buf[10])<<8|uint32(buf[9])<<16|uint32(buf[8])<<24, body("a"))} {
				if _, err := pc.WriteTo(datagram, from); err != nil {
					t.Fatal(err)
				}
			}
			if err := wait(t, "the answer", got); err != nil {
				t.Fatal(err)
			}
		}
		if s := pool.Stats(); s.Unsolicited != 4 || s.Nodes[0].Conns[0].Peer != (muxpool.Settings{}) {
			t.Errorf("%d unsolicited, peer %+v", s.Unsolicited, s.Nodes[0].Conns[0].Peer)
		}
	})
	t.Run("a server", func(t *testing.T) {
		pc := listenUDP(t)
		served := transport.NewService(native.Protocol{})
		(&service{}).handle(served)
		end := make(chan error, 1)
		go func() { end <- served.ServePacket(pc) }()
		defer func() {
			served.Close()
			if err := wait(t, "ServePacket", end); !errors.Is(err, transport.ErrServiceClosed) {
				t.Error(err)
			}
		}()
		nc, err := net.Dial("udp", pc.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(waitTime))
		for range 2 {
			write(t, nc, frameSize(1), appendRequest(t, 7, &transport.Message{Method: "Echo", Body: make([]byte, 1000)}))
			buf := make([]byte, 2000)
			if n, err := nc.Read(buf); err != nil || n != 1016 || buf[5] != 2 {
				t.Fatalf("got %x, %v, not the answer", buf[:n], err)
			}
		}
	})
}
