package muxpool

import (
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
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
	told := func() int { return kernelOption(t, nc, syscall.IPPROTO_TCP, tcpUserTimeout) }
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

// kernelOption is what the kernel has for a connection.
func kernelOption(t *testing.T, nc net.Conn, level, option int) (n int) {
	t.Helper()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if failed := raw.Control(func(fd uintptr) { n, err = syscall.GetsockoptInt(int(fd), level, option) }); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
	return n
}

// TestLookAtASocket: a look at a conn asks the kernel how far its bytes have got, and tells it of another patience
// when that has changed, and only then.
func TestLookAtASocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var echo sync.WaitGroup
	defer bounded.Wait(t, echo.Wait)
	defer l.Close()
	echo.Go(func() {
		if nc, err := l.Accept(); err == nil {
			_, _ = io.Copy(nc, nc)
			nc.Close()
		}
	})
	pool, err := New(WithConnectNumber(1), WithDialTimeout(time.Hour), WithKeepAlive(10*time.Hour), WithWriteTimeout(time.Hour)) // looked at by nobody else
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	opts := NewGetOptions()
	opts.WithFrameParser(worldParser{})
	mc, err := pool.GetMuxConn(t.Context(), "tcp", l.Addr().String(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer mc.Close()
	if err := mc.Write(worldFrame(worldAnswer, mc.VID(), 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := mc.Read(); err != nil {
		t.Fatal(err)
	}
	c := mc.(*muxConn).conn
	const another = 2 * time.Hour
	for i, row := range []struct {
		lifted bool
		want   time.Duration
	}{{true, 15 * time.Hour}, {false, another}} {
		setUserTimeout(c.nc.(*net.TCPConn), another)
		c.mu.Lock()
		c.health.lifted = c.health.lifted || row.lifted // as if the link had been slow
		c.mu.Unlock()
		c.tick()
		if got := kernelOption(t, c.nc, syscall.IPPROTO_TCP, tcpUserTimeout); got != int(row.want.Milliseconds()) {
			t.Errorf("look %d: the kernel waits for %d ms, want %v", i+1, got, row.want)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := &c.health; h.lifted || h.link.acked < worldLen {
		t.Errorf("%d bytes are known to be acknowledged; the kernel has more patience %v", h.link.acked, h.lifted)
	}
}

// TestDialTellsTheKernel for how long a peer may be silent: after how long it is to probe, and for how long to wait
// for an acknowledgement.
func TestDialTellsTheKernel(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	key := nodeKey{node: Node{"tcp", l.Addr().String()}, Identity: Identity{parser: worldParser{}}}
	nc, _, err := newDialer(key, &poolOptions{dialTimeout: time.Hour, keepAlive: 16 * time.Second}).dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	got := make(map[string]int)
	for name, option := range map[string][2]int{
		"on": {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}, "idle": {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE},
		"interval": {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL}, "count": {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT},
		"patience": {syscall.IPPROTO_TCP, tcpUserTimeout},
	} {
		got[name] = kernelOption(t, nc, option[0], option[1])
	}
	if got, want := fmt.Sprint(got), "map[count:3 idle:6 interval:6 on:1 patience:24000]"; got != want {
		t.Errorf("the kernel has %s, want %s", got, want)
	}
}
