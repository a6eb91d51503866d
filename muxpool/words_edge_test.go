package muxpool

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestLostWhileItIsReplaced: that a connection takes no more calls is no word of its peer's.
func TestLostWhileItIsReplaced(t *testing.T) {
	const want = "read tcp://peer:1 (maybe sent): muxpool: connection lost: EOF"
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		first, second := w.mustGet(t.Context()), w.mustGet(t.Context())
		defer first.Close()
		defer second.Close()
		w.mustWrite(first, 1)
		w.mustWrite(second, 2)
		w.says(worldFrame(worldAnswer, first.id, 1))
		second.conn.drain(ReasonRetired, nil)
		w.peers[0].nc.Close()
		if _, err := second.Read(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	})
}

// TestTruncatedFrames: a stream that ends inside a frame is told from one that ends behind it, however little has come,
// and whether its parser has taken that or has only looked.
func TestTruncatedFrames(t *testing.T) {
	for name, parser := range map[string]FrameParser{"taken": worldParser{}, "looked at": endParser{}} {
		for n, want := range map[int]string{
			1: "truncated frame: unexpected EOF", worldLen - 1: "truncated frame: unexpected EOF", worldLen: "EOF", worldLen + 1: "truncated frame: unexpected EOF",
		} {
			withWorld(t, parser, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				w.opts.WithVID(1) // else now and then the first bytes are those of another protocol
				m := w.mustGet(t.Context())
				defer m.Close()
				w.mustWrite(m, 1)
				synctest.Wait()
				frames := append(worldFrame(worldAnswer, 2, 1), worldAnswer)
				w.says(frames[:n])
				w.peers[0].nc.Close()
				want = "read tcp://peer:1 (maybe sent): muxpool: connection lost: " + want
				if _, err := m.Read(); err == nil || err.Error() != want {
					t.Errorf("%s, %d bytes: %v, want %s", name, n, err, want)
				}
			})
		}
	}
}

// TestOnlyTheFirstBytesTellALanguage: what is behind a frame of the protocol's is of no other.
func TestOnlyTheFirstBytesTellALanguage(t *testing.T) {
	const known = "kind 72: its first bytes are of HTTP"
	for _, row := range []struct {
		frames uint64 // that were delivered
		batch  int    // that are to be
		want   string
	}{{0, 0, known}, {1, 0, "kind 72"}, {0, 1, "kind 72"}, {2, 2, "kind 72"}} {
		a := &arrivals{conn: new(conn), batch: make([]arrival, row.batch)}
		a.conn.frames.Store(row.frames)
		a.first.Note([]byte("HTTP/1.1 400"))
		if got := a.recognized(errors.New("kind 72")).Error(); got != row.want {
			t.Errorf("behind %d frames and %d: %q, want %q", row.frames, row.batch, got, row.want)
		}
	}
}

// TestLostBeforeTheFirstByte: what may be behind it is asked, once.
func TestLostBeforeTheFirstByte(t *testing.T) {
	const want = "read tcp://peer:1 (maybe sent): muxpool: connection lost: EOF, before the peer's first byte: " +
		"does this port speak the protocol, and is it one without TLS?"
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		synctest.Wait()
		w.peers[0].nc.Close()
		if _, err := m.Read(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	})
}

// TestDoubtsOfASilentPeer: none of one that has said something, in its handshake perhaps, nor of who hears of nobody.
func TestDoubtsOfASilentPeer(t *testing.T) {
	p, q := net.Pipe()
	defer p.Close()
	defer q.Close()
	for _, row := range []struct {
		name     string
		nc       net.Conn
		parser   FrameParser
		came     uint64
		datagram bool
		said     string
	}{
		{"a stream", p, worldParser{}, 0, false, "nothing arrived for 3s, before the peer's first byte: does this port speak the protocol, and is it one without TLS?"},
		{"TLS", tls.Client(p, nil), worldParser{}, 0, false, "nothing arrived for 3s, before the peer's first byte: does this port speak the protocol, and does it trust this side's certificate?"},
		{"behind a byte", p, worldParser{}, 1, false, "nothing arrived for 3s"},
		{"behind a handshake", p, stateful{}, 0, false, "nothing arrived for 3s"},
		{"datagrams", p, worldParser{}, 0, true, "nothing arrived for 3s"},
	} {
		n := new(node)
		n.key.parser = row.parser
		c := &conn{nc: row.nc, node: n, datagram: row.datagram}
		c.bytes.Store(row.came)
		if got := c.nothingFor(3 * time.Second).Error(); got != row.said {
			t.Errorf("%s: %q, want %q", row.name, got, row.said)
		}
	}
}
