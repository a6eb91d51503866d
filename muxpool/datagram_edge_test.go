package muxpool

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// stumbling is a connection whose reads and writes report what became of earlier
// datagrams first.
type stumbling struct {
	net.Conn
	reads, writes chan error
}

func (s stumbling) Read(b []byte) (int, error) {
	select {
	case err := <-s.reads:
		return 0, err
	default:
		return s.Conn.Read(b)
	}
}

func (s stumbling) Write(b []byte) (int, error) {
	select {
	case err := <-s.writes:
		return 0, err
	default:
		return s.Conn.Write(b)
	}
}

// TestNewsOfEarlierDatagrams: what routers tell of one datagram ends neither the
// socket nor another call.
func TestNewsOfEarlierDatagrams(t *testing.T) {
	for _, news := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENOPROTOOPT,
		syscall.EHOSTDOWN, syscall.EACCES, syscall.EPROTO, syscall.EMSGSIZE} {
		t.Run(news.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, opts: NewGetOptions()}
				w.opts.WithFrameParser(worldParser{})
				s := stumbling{reads: make(chan error, 1), writes: make(chan error, 1)}
				s.reads <- news
				if news != syscall.EMSGSIZE { // which may well be of this one
					s.writes <- news
				}
				dial := func(ctx context.Context, network, address string) (conn net.Conn, err error) {
					if s.Conn, err = w.dial(ctx, network, address); err != nil {
						return nil, err
					}
					return s, nil
				}
				var err error
				if w.pool, err = New(WithConnectNumber(1), WithDialContext(dial)); err != nil {
					t.Fatal(err)
				}
				defer w.end()
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				m, err := w.pool.GetMuxConn(ctx, "udp", "peer:1", w.opts)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				w.mustWrite(m.(*muxConn), 1)
				synctest.Wait()
				w.peers[0].nc.Write(w.peers[0].got[0])
				if _, err := m.Read(); err != nil {
					t.Error(err)
				}
				told := uint64(2) // to Read, and to Write
				if news == syscall.EMSGSIZE {
					told = 0
				}
				if s := w.pool.Stats(); s.Refused != told || s.Writes != 1 {
					t.Errorf("%d datagrams are counted as refused, %d as sent, want %d and 1", s.Refused, s.Writes, told)
				}
			})
		})
	}
}

// TestEndOfADatagramSocket: that somebody has closed it says nothing of the peer; any other end is a loss.
func TestEndOfADatagramSocket(t *testing.T) {
	for _, row := range []struct {
		err    error
		reason Reason
	}{{&net.OpError{Op: "read", Net: "udp", Err: net.ErrClosed}, ReasonNone}, {syscall.EIO, ReasonConnLost}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 0)
			defer w.end()
			s := stumbling{reads: make(chan error, 1)}
			dial := func(ctx context.Context, network, address string) (conn net.Conn, err error) {
				s.Conn, err = w.dial(ctx, network, address)
				return s, err
			}
			pool, err := New(WithConnectNumber(1), WithDialContext(dial))
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			var told []Event
			pool.Subscribe(func(e Event) {
				if e.Kind == ConnDown {
					told = append(told, e)
				}
			})
			m, err := pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			s.reads <- row.err
			w.peers[0].nc.Write(worldFrame(worldAnswer, 0, 0)) // the read that is under way ends
			synctest.Wait()
			if len(told) != 1 || told[0].Reason != row.reason || !errors.Is(told[0].Err, row.err) || !errors.Is(told[0].Err, ErrConnLost) {
				t.Errorf("%v: told %v, want %v", row.err, told, row.reason)
			}
		})
	}
}

// TestDatagramThatDoesNotFit: the kernel says so, for a part of the way. It is not sent, and the next one may be.
func TestDatagramThatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		defer w.end()
		s := stumbling{writes: make(chan error, 1)}
		dial := func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			s.Conn, err = w.dial(ctx, network, address)
			return s, err
		}
		pool, err := New(WithConnectNumber(1), WithDialContext(dial))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		m, err := pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		s.writes <- syscall.EMSGSIZE
		err = m.Write(worldFrame(worldAnswer, m.VID(), 1))
		if !errors.Is(err, ErrFrameTooLarge) || !errors.Is(err, syscall.EMSGSIZE) || sentOf(err) || !strings.Contains(err.Error(), "9 bytes do not fit into a datagram") {
			t.Errorf("a Write of too much: %v, sent %v", err, sentOf(err))
		}
		if err := m.Write(worldFrame(worldAnswer, m.VID(), 2)); err != nil {
			t.Errorf("the next Write: %v", err)
		}
	})
}

// fullConn is a connection that takes nothing, and says when it was asked to.
type fullConn struct {
	net.Conn
	at chan time.Time
}

func (f fullConn) SetWriteDeadline(time.Time) error { return nil }

func (f fullConn) Write([]byte) (int, error) {
	f.at <- time.Now()
	return 0, os.ErrDeadlineExceeded
}

// TestPausesOfADatagramThatIsNotTaken: they double from 1 ms to 32.
func TestPausesOfADatagramThatIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		defer w.end()
		at := make(chan time.Time, 20)
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := w.dial(ctx, network, address)
			return fullConn{nc, at}, err
		}
		pool, err := New(WithConnectNumber(1), WithDialContext(dial))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		w.opts.WithTimeout(130 * time.Millisecond)
		m, err := pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		begin := time.Now()
		if err := m.Write(worldFrame(worldAnswer, m.VID(), 1)); !errors.Is(err, context.DeadlineExceeded) || sentOf(err) {
			t.Errorf("Write: %v, sent %v", err, sentOf(err))
		}
		var got []int64
		for len(at) > 0 {
			got = append(got, bounded.Receive(t, at).Sub(begin).Milliseconds())
		}
		if want := []int64{0, 1, 3, 7, 15, 31, 63, 95, 127}; !slices.Equal(got, want) {
			t.Errorf("it is tried after %v ms, want %v", got, want)
		}
	})
}

// TestDatagramOfACallThatIsOver: its Write had looked whether it is, before it was. Nothing is sent.
func TestDatagramOfACallThatIsOver(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		w.opts.WithTimeout(time.Second)
		mc, err := w.pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		m := mc.(*muxConn)
		defer m.Close()
		time.Sleep(2 * time.Second) // of bubble time
		if err := m.conn.sendDatagram(m.call, worldFrame(worldAnswer, m.id, 1), false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of its time", err)
		}
		synctest.Wait()
		if got := w.peers[0].got; len(got) != 0 {
			t.Errorf("the peer got %x", got)
		}
	})
}

// TestWrittenDatagramsMemory: the caller's stays his, and what he has given away is used again.
func TestWrittenDatagramsMemory(t *testing.T) {
	withWorld(t, hollowParser{}, quietOptions(), func(t *testing.T, w *world) {
		m, err := w.pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		kept := make([]byte, 8<<10)
		if err := m.Write(kept); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if got := wire.Alloc(len(kept)); &got[0] == &kept[0] {
				t.Fatal("the caller's memory was given to somebody else")
			}
		}
	})
}

// TestDatagramsThatAreRefused, by the parser, by its panic or for their size, are counted each, and nothing
// else comes of them.
func TestDatagramsThatAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		datagram []byte
		size     int
	}{
		"a kind that there is not": {worldFrame(worldAlive+1, 0, 0), worldLen},
		"a parser that panics":     {worldFrame(worldPanic, 0, 0), worldLen},
		"too large":                {worldFrame(worldAnswer, 0, 0), worldLen - 1},
	} {
		withWorld(t, panickingParser{}, quietOptions(WithMaxFrameSize(row.size)), func(t *testing.T, w *world) {
			m, err := w.pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for range 2 {
				w.peers[0].nc.Write(row.datagram)
				synctest.Wait()
			}
			s := w.pool.Stats().Nodes[0]
			if s.Malformed != 2 || s.Unknown != 0 || len(s.Conns) != 1 || s.Conns[0].Frames != 0 {
				t.Errorf("%s: %d are malformed, %d unknown, %d connections", name, s.Malformed, s.Unknown, len(s.Conns))
			}
		})
	}
}

// gated is a connection whose writes end when they are told to, and as they are.
type gated struct {
	net.Conn
	ends chan chan error // of the writes under way, in the order in which they began
}

func (g gated) Write(b []byte) (int, error) {
	end := make(chan error)
	g.ends <- end
	if err := <-end; err != nil {
		return 0, err
	}
	return g.Conn.Write(b)
}

// TestTwoWritesOfDatagrams: one of two at once fails. Whichever it is, and whichever ends
// first, the MuxConn's errors say "sent" if the other was, and "unsent" only if none was.
func TestTwoWritesOfDatagrams(t *testing.T) {
	failed := errors.New("told to")
	for _, test := range []struct {
		name string
		ends [2]error // of the writes, in the order in which they end
		turn bool     // the second ends first
		sent bool
	}{
		{"the first fails", [2]error{failed, nil}, false, true},
		{"the first fails later", [2]error{nil, failed}, true, true},
		{"the second fails", [2]error{nil, failed}, false, true},
		{"the second fails before", [2]error{failed, nil}, true, true},
		{"both fail", [2]error{failed, failed}, false, false},
		{"both are sent", [2]error{nil, nil}, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, opts: NewGetOptions()}
				w.opts.WithFrameParser(worldParser{})
				g := gated{ends: make(chan chan error, 2)}
				dial := func(ctx context.Context, network, address string) (conn net.Conn, err error) {
					g.Conn, err = w.dial(ctx, network, address)
					return g, err
				}
				var err error
				if w.pool, err = New(WithConnectNumber(1), WithDialContext(dial)); err != nil {
					t.Fatal(err)
				}
				defer w.end()
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				mc, err := w.pool.GetMuxConn(ctx, "udp", "peer:1", w.opts)
				if err != nil {
					t.Fatal(err)
				}
				m := mc.(*muxConn)
				defer m.Close()
				written := make(chan error, 2)
				for nonce := range uint32(2) {
					go func() { written <- m.Write(worldFrame(worldAnswer, m.id, nonce)) }()
					synctest.Wait()
				}
				first, second := bounded.Receive(t, g.ends), bounded.Receive(t, g.ends)
				if test.turn {
					first, second = second, first
				}
				first <- test.ends[0]
				synctest.Wait()
				second <- test.ends[1]
				synctest.Wait()
				for range 2 {
					if err := bounded.Receive(t, written); err != nil && !test.sent && errors.Is(err, failed) {
						continue // the first to fail did so while the other was under way
					} else if err != nil && !sentOf(err) {
						t.Errorf("Write says that nothing was sent: %v", err)
					}
				}
				cancel()
				if _, err := m.Read(); sentOf(err) != test.sent {
					t.Errorf("Read: %v, want sent %v", err, test.sent)
				}
			})
		})
	}
}

func sentOf(err error) bool {
	e := (*Error)(nil)
	return !errors.As(err, &e) || e.Sent()
}

// TestLastDatagramIsCounted: a frame with which a call is closed is traffic like any other.
func TestLastDatagramIsCounted(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		mc, err := w.pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		m := mc.(*muxConn)
		w.mustWrite(m, 1)
		m.CloseWith(worldFrame(worldAnswer, m.id, 2))
		if s := w.pool.Stats(); s.Writes != 2 || s.BytesWritten != 2*worldLen {
			t.Errorf("%d writes of %d bytes are counted, want 2 of %d", s.Writes, s.BytesWritten, 2*worldLen)
		}
	})
}
