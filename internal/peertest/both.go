package peertest

import (
	"net"
	"testing"
)

// ListenBoth listens at one port for UDP and for TCP: one that is free for UDP may be that of a connection, or of one that has ended.
func ListenBoth(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 100 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if l, err := net.Listen("tcp", pc.LocalAddr().String()); err == nil {
			return pc, l
		}
		pc.Close()
	}
	t.Fatal("no port is free for both networks")
	return nil, nil
}
