package transport

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// TestWhenALargeAnswerIsUnderWay: while its client takes some of it, and there is more to take; not while it
// takes nothing, and not when it has all.
func TestWhenALargeAnswerIsUnderWay(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	_ = client.(*net.TCPConn).SetReadBuffer(64 << 10)
	_ = server.(*net.TCPConn).SetWriteBuffer(64 << 10)
	const limit, size = 20 * time.Second, 2 << 20
	_ = client.SetDeadline(time.Now().Add(limit))
	c := &serverConn{writer: wire.NewWriter(server, wire.WriterConfig{Timeout: limit})}
	defer c.writer.Close(net.ErrClosed)
	if !c.writer.Transit().Known {
		t.Skip("this system does not tell what has arrived")
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for start := time.Now(); !ok(); time.Sleep(time.Millisecond) { // between two looks
			if time.Since(start) > limit {
				t.Fatalf("never: %s", what)
			}
		}
	}
	if c.underWay() {
		t.Error("nothing is under way, where nothing was sent")
	}
	if _, err := c.writer.TryWrite(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	left := size
	read := func(n int) {
		t.Helper()
		n = min(n, left)
		if _, err := io.CopyN(io.Discard, client, int64(n)); err != nil {
			t.Fatal(err)
		}
		left -= n
	}
	takes := func() bool { // what the client's kernel has taken is taken note of when more is there, or else the next time
		if c.underWay() {
			return true
		}
		read(8 << 10)
		return false
	}
	until("the beginning is under way", takes)
	until("the client takes no more, and nothing is", func() bool { return !c.underWay() })
	read(size / 4)
	until("the client takes on, and more is under way", takes)
	read(left)
	until("all of it has arrived", func() bool { t := c.writer.Transit(); return t.Pending == 0 && t.Acked >= size })
	if c.underWay() {
		t.Error("something is under way, where all has arrived")
	}
}
