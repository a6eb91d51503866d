package muxpool

import (
	"context"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
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
	for _, news := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENOPROTOOPT, syscall.EMSGSIZE} {
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
