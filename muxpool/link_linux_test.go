package muxpool

import (
	"crypto/tls"
	"math"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// TestKernelsPatience: for how long the kernel waits for an acknowledgement is told to it in
// ms, also of a connection beneath TLS, and is longer on a slow link.
func TestKernelsPatience(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	told := func() (ms int) {
		raw.Control(func(fd uintptr) { ms, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout) })
		if err != nil {
			t.Fatal(err)
		}
		return ms
	}
	for _, row := range []struct {
		keepAlive time.Duration
		slow      bool
		ms        int
	}{
		{10 * time.Second, false, 15_000},
		{10 * time.Second, true, 60_000},
		{math.MaxInt64, false, math.MaxInt32},
		{math.MaxInt64, true, math.MaxInt32},
		{2 * time.Second, false, 3_000},
	} {
		for name, over := range map[string]net.Conn{"TCP": nc, "TLS": tls.Client(wire.BeneathTLS(nc), nil)} {
			c := &conn{nc: over, node: &node{opts: &poolOptions{keepAlive: row.keepAlive}}}
			setUserTimeout(nc.(*net.TCPConn), time.Hour)
			if c.allow(row.slow); told() != row.ms {
				t.Errorf("%s, keepalive after %v, slow %v: the kernel waits for %d ms, want %d", name, row.keepAlive, row.slow, told(), row.ms)
			}
		}
	}
	p, q := net.Pipe()
	defer p.Close()
	defer q.Close()
	(&conn{nc: p, node: &node{opts: &poolOptions{}}}).allow(true) // nobody to tell
}
