package wire

import (
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// datagrams returns both ends of a socket of datagrams, whose queue is short.
func datagrams(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	address := &net.UnixAddr{Net: "unixgram", Name: filepath.Join(t.TempDir(), "s")}
	b, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Skip("no unixgram here: ", err)
	}
	a, err = net.DialUnix("unixgram", nil, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// A packet goes out whole or not at all: when the kernel takes none, that is told at once, and when it
// takes some again they go out.
func TestPacketsOfAFullQueue(t *testing.T) {
	a, b := datagrams(t)
	w := NewPacketWriter(a)
	sent := 0
	for err := error(nil); err == nil; sent++ {
		if err = w.Write([]byte("packet")); err != nil && err != ErrQueueFull || sent > 1<<20 {
			t.Fatalf("packet %d: %v", sent, err)
		}
	}
	got := make([]byte, 10)
	for i := range sent - 1 {
		if n, err := b.Read(got); err != nil || string(got[:n]) != "packet" {
			t.Fatalf("packet %d is %q, %v", i, got[:n], err)
		}
	}
	for _, packet := range []string{"again", ""} {
		if err := w.Write([]byte(packet)); err != nil {
			t.Errorf("then %q: %v", packet, err)
		}
		if n, err := b.Read(got); err != nil || string(got[:n]) != packet {
			t.Errorf("then came %q, %v, want %q", got[:n], err, packet)
		}
	}
}

// What the kernel refuses is told in the words of a connection's Write; so is a socket that is closed.
func TestPacketsThatAreRefused(t *testing.T) {
	a, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	nc, err := net.DialUDP("udp", nil, a.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	w := NewPacketWriter(nc)
	large := make([]byte, 70_000)
	_, want := nc.Write(large)
	if err := w.Write(large); !errors.Is(err, syscall.EMSGSIZE) || err.Error() != want.Error() {
		t.Errorf("a packet that is too large: %v, want %v", err, want)
	}
	nc.Close()
	if err := w.Write([]byte("late")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed socket: %v", err)
	}
}

// ownConn is a connection of a user's that says what becomes of a deadline, and of a write.
type ownConn struct {
	net.Conn // nil: nothing else is called
	deadline error
	write    error
	due      time.Time
}

func (c *ownConn) SetWriteDeadline(t time.Time) error { c.due = t; return c.deadline }
func (c *ownConn) Write(b []byte) (int, error)        { return 0, c.write }

// A connection of a user's own is waited for no longer than it heeds its deadline.
func TestPacketsOfAConnectionOfAUsersOwn(t *testing.T) {
	for name, row := range map[string]struct {
		deadline, write, want error
	}{
		"it takes it":             {nil, nil, nil},
		"it has no deadlines":     {errTest, nil, errTest},
		"it takes too long":       {nil, timeout(true), ErrQueueFull},
		"it fails":                {nil, errTest, errTest},
		"the peer does not exist": {nil, syscall.ECONNREFUSED, syscall.ECONNREFUSED},
	} {
		synctest.Test(t, func(t *testing.T) {
			nc := &ownConn{deadline: row.deadline, write: row.write}
			if err := NewPacketWriter(nc).Write([]byte("packet")); err != row.want || time.Until(nc.due) != ownWrite {
				t.Errorf("%s: %v, want %v; its deadline is in %v", name, err, row.want, time.Until(nc.due))
			}
		})
	}
}
