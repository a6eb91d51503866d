package muxpool

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
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
			})
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
