package peertest

import (
	"net"
	"testing"
)

// Nobody is an address at which nobody listens, and which nobody else gets until the test ends: a connection has it for its
// own end. The port of a listener that was closed is free, and soon another test's.
func Nobody(t testing.TB) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	// The end is bound, not only chosen when it connects: so it is given to no dial either, which would meet itself.
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	nc, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc.LocalAddr().String()
}
