//go:build unix

package muxpool_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// datagramPair returns two sockets that datagrams go between, of which the kernel keeps a few.
func datagramPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	return socketPair(t, syscall.SOCK_DGRAM)
}

// socketPair returns two connected sockets of a type.
func socketPair(t *testing.T, kind int) (near, far net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, kind, 0)
	if err != nil {
		t.Fatal(err)
	}
	var conns [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		conns[i], err = net.FileConn(f) // a copy
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conns[i].Close() })
	}
	return conns[0], conns[1]
}

// watchedContext tells when somebody is about to wait for its end.
type watchedContext struct {
	context.Context
	asked atomic.Pointer[chan struct{}]
}

func (c *watchedContext) Done() <-chan struct{} {
	if asked := c.asked.Load(); asked != nil {
		select {
		case *asked <- struct{}{}:
		default:
		}
	}
	return c.Context.Done()
}

// fillUp writes to nc until the kernel takes no more.
func fillUp(t *testing.T, nc net.Conn) {
	t.Helper()
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	full := false
	err = raw.Write(func(fd uintptr) bool {
		for n := 0; n < 1<<20 && !full; n++ {
			_, err := syscall.Write(int(fd), []byte("fill"))
			full = err == syscall.EAGAIN || err == syscall.ENOBUFS
		}
		return true
	})
	if err != nil || !full {
		t.Fatalf("the kernel takes everything: %v", err)
	}
}

// TestDatagramsThatTheKernelDoesNotTake: as on a link that is slower than those who write. A Write
// waits, and ends with its context, unsent; or it does not wait, if the pool says so; a last frame
// never does.
func TestDatagramsThatTheKernelDoesNotTake(t *testing.T) {
	t.Run("a socket", func(t *testing.T) { testFullDatagrams(t, func(nc net.Conn) net.Conn { return nc }) })
	t.Run("a connection of the user's own", func(t *testing.T) {
		testFullDatagrams(t, func(nc net.Conn) net.Conn { return struct{ net.Conn }{nc} })
	})
}

func testFullDatagrams(t *testing.T, dialed func(net.Conn) net.Conn) {
	open := func(t *testing.T, opts ...muxpool.PoolOption) (get func(context.Context) muxpool.MuxConn, near, far net.Conn) {
		near, far = datagramPair(t)
		pool := unhurried(t, append(opts, muxpool.WithDialContext(func(context.Context, string, string) (net.Conn, error) { return dialed(near), nil }))...)
		return func(ctx context.Context) muxpool.MuxConn {
			mc, err := muxtest.NewCaller(pool, "udp", "peer:1", muxtest.Parser{}).Get(ctx)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(mc.Close)
			return mc
		}, near, far
	}
	write := func(mc muxpool.MuxConn) error { return mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))) }
	later := func(mc muxpool.MuxConn) <-chan error {
		wrote := make(chan error, 1)
		go func() { wrote <- write(mc) }()
		return wrote
	}
	unsent := func(t *testing.T, err, kind error) {
		t.Helper()
		var e *muxpool.Error
		if !errors.Is(err, kind) || !errors.As(err, &e) || e.Sent() {
			t.Errorf("got %v, want %v, not sent", err, kind)
		}
	}
	for name, kind := range map[string]error{"context": context.Canceled, "close": muxpool.ErrMuxConnClosed} {
		t.Run(name, func(t *testing.T) {
			get, near, _ := open(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			waits := &watchedContext{Context: ctx}
			mc := get(waits)
			fillUp(t, near)
			asked := make(chan struct{}, 1)
			waits.asked.Store(&asked)
			wrote := later(mc)
			bounded.Receive(t, asked)
			if name == "context" {
				cancel()
			} else {
				mc.Close()
			}
			unsent(t, bounded.Receive(t, wrote), kind)
		})
	}
	t.Run("room", func(t *testing.T) {
		get, near, far := open(t)
		mc := get(t.Context())
		fillUp(t, near)
		wrote := later(mc)
		b := make([]byte, 1<<10)
		for { // what filled it, and then the frame
			n, err := far.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			if f, err := muxtest.DecodeFrame(b[:n]); err == nil && f.ID == mc.VID() {
				break
			}
		}
		if err := bounded.Receive(t, wrote); err != nil {
			t.Error(err)
		}
	})
	t.Run("drop", func(t *testing.T) {
		get, near, _ := open(t, muxpool.WithDropFull(true))
		mc := get(t.Context())
		fillUp(t, near)
		unsent(t, bounded.Receive(t, later(mc)), muxpool.ErrSendQueueFull)
	})
	t.Run("last frame", func(t *testing.T) {
		get, near, _ := open(t)
		mc := get(t.Context())
		if err := write(mc); err != nil {
			t.Fatal(err)
		}
		fillUp(t, near)
		bounded.Wait(t, func() { mc.(muxpool.LastWriter).CloseWith([]byte("the last")) })
	})
}
