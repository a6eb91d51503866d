package transport_test

import (
	"context"
	"errors"
	"math"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestTimesOfAService: a connection ends when the option says, and not when its default
// would have it.
func TestTimesOfAService(t *testing.T) {
	silent := func(*testing.T, net.Conn) {}
	begun := func(t *testing.T, nc net.Conn) { // a frame of which the last of 1024 bytes does not come
		frame := request(t, 1, "M", string(make([]byte, 1024)))
		_, _ = nc.Write(frame[:1024])
	}
	for name, row := range map[string]struct {
		protocol transport.ServerProtocol
		option   transport.ServiceOption
		begin    func(*testing.T, net.Conn)
		reads    bool // the client
		end      time.Duration
	}{
		"ServiceFrameTimeout":     {native.Protocol{}, transport.ServiceFrameTimeout(17 * time.Second), begun, true, 17*time.Second + time.Second/16},
		"ServiceFrameRate":        {native.Protocol{}, transport.ServiceFrameRate(128), begun, true, 5*time.Second + 8*time.Second},
		"ServiceIdleTimeout":      {native.Protocol{}, transport.ServiceIdleTimeout(17 * time.Second), silent, true, 17*time.Second + time.Second}, // to go, once it was told
		"ServiceHandshakeTimeout": {awaited{}, transport.ServiceHandshakeTimeout(17 * time.Second), silent, true, 17 * time.Second},
		"ServiceWriteTimeout": {native.Protocol{}, transport.ServiceWriteTimeout(17 * time.Second), func(t *testing.T, nc net.Conn) {
			_, _ = nc.Write(request(t, 1, "M", "x"))
		}, false, 17 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s, stop := servePipesOf(t, row.protocol, map[string]*transport.Server{"M": rawServer(echo)}, row.option)
				defer stop()
				nc := p.dial(t)
				defer nc.Close()
				start := time.Now()
				if row.reads {
					readAll(nc)
				}
				row.begin(t, nc)
				time.Sleep(row.end - 10*time.Millisecond - time.Since(start))
				synctest.Wait()
				if n := s.Stats().Conns; n != 1 {
					t.Errorf("%d connections before %v have passed", n, row.end)
				}
				time.Sleep(20 * time.Millisecond)
				synctest.Wait()
				if n := s.Stats().Conns; n != 0 {
					t.Errorf("%d connections after %v", n, row.end)
				}
			})
		})
	}
}

// TestTimesWithoutAnEnd: what is to be waited for for ever is not over at once.
func TestTimesWithoutAnEnd(t *testing.T) {
	const ever = time.Duration(math.MaxInt64)
	for name, option := range map[string]transport.ServiceOption{
		"ServiceFrameTimeout":     transport.ServiceFrameTimeout(ever),
		"ServiceIdleTimeout":      transport.ServiceIdleTimeout(ever),
		"ServiceHandshakeTimeout": transport.ServiceHandshakeTimeout(ever),
		"ServiceWriteTimeout":     transport.ServiceWriteTimeout(ever),
		"ServiceMaxConnAge":       transport.ServiceMaxConnAge(ever),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, option)
				defer stop()
				nc := p.dial(t)
				defer nc.Close()
				frame := request(t, 1, "M", "body")
				for _, piece := range [][]byte{frame[:20], frame[20:]} {
					if _, err := nc.Write(piece); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
				}
				if a, err := readAnswer(nc); err != nil || string(a.body) != "body" {
					t.Errorf("%q, %v", a.body, err)
				}
				if n := s.Stats().Conns; n != 1 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

// awaited is the native protocol with a handshake that waits for a word of the client's.
type awaited struct{ native.Protocol }

func (awaited) ServerHandshake(_ context.Context, nc net.Conn) error {
	_, err := nc.Read(make([]byte, 1))
	return err
}

// TestHandshakeThatReturnsTooLate: its time is what it failed of, not the connection that was closed for that.
func TestHandshakeThatReturnsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan error, 10)
		p, s, stop := servePipesOf(t, late{}, nil, transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) {
			told <- err
		})))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		err := bounded.Receive(t, told)
		synctest.Wait()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "handshake") || s.Stats().Conns != 0 {
			t.Errorf("told was %v, and there are %d connections", err, s.Stats().Conns)
		}
	})
}

// late is a protocol whose handshake needs all the time that it has.
type late struct{ native.Protocol }

func (late) ServerHandshake(ctx context.Context, _ net.Conn) error {
	<-ctx.Done()
	return nil
}

// TestBytesOfOne: a connection, and a peer with several, has the bytes that the options
// allow it, and others have theirs.
func TestBytesOfOne(t *testing.T) {
	const frame, budget, calls = 64 << 10, 512 << 10, 30 // of 50 KiB
	for name, row := range map[string]struct {
		option  transport.ServiceOption
		refused func(transport.RefusedStats) uint64
		shared  bool // by the connections of a peer
	}{
		"ServiceMaxBytes":   {transport.ServiceMaxBytes(budget, 0), func(r transport.RefusedStats) uint64 { return r.ConnBytes }, false},
		"ServiceMaxPerPeer": {transport.ServiceMaxPerPeer(0, 0, budget), func(r transport.RefusedStats) uint64 { return r.PeerBytes }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var running atomic.Int64
				release := make(chan struct{})
				s := transport.NewService(native.Protocol{}, row.option, transport.ServiceMaxFrameSize(frame))
				s.Handle("M", blocking(&running, release)["M"])
				p := newPipes()
				served := make(chan error, 1)
				go func() { served <- s.Serve(ofPeers{p}) }()
				body := string(make([]byte, 50<<10))
				var conns []net.Conn
				send := func(nc net.Conn, id uint32) {
					t.Helper()
					if _, err := nc.Write(request(t, id, "M", body)); err != nil {
						t.Error(err)
					}
					synctest.Wait()
				}
				for range 2 {
					nc := p.dial(t)
					conns = append(conns, nc)
					readAll(nc)
				}
				for id := range uint32(calls) {
					send(conns[0], id+1)
				}
				runs, refused := running.Load(), row.refused(s.Stats().Refused)
				if runs < 5 || runs > 10 || refused != uint64(calls-runs) {
					t.Errorf("of %d calls of 50 KiB %d run and %d are refused", calls, runs, refused)
				}
				send(conns[1], 1)
				if more := row.refused(s.Stats().Refused) - refused; more > 0 != row.shared {
					t.Errorf("the other connection's call: %d are refused, %d run", more, running.Load()-runs)
				}
				close(release)
				for _, nc := range conns {
					nc.Close()
				}
				s.Close()
				bounded.Receive(t, served)
				synctest.Wait()
			})
		})
	}
}

// ofPeers has every client come from one address.
type ofPeers struct{ *pipes }

func (p ofPeers) Accept() (net.Conn, error) {
	nc, err := p.pipes.Accept()
	if err != nil {
		return nil, err
	}
	return fromPeer{nc}, nil
}

type fromPeer struct{ net.Conn }

func (fromPeer) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

// TestAdaptiveLimitHasItsTarget: calls that always wait for 40 ms are too many for a
// target of 5 ms, the default, and not for one of 50 ms.
func TestAdaptiveLimitHasItsTarget(t *testing.T) {
	for target, refuses := range map[time.Duration]bool{0: true, 50 * time.Millisecond: false} {
		synctest.Test(t, func(t *testing.T) {
			p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
				time.Sleep(20 * time.Millisecond)
				return r, nil
			})}, transport.ServiceWorkers(1), transport.ServiceAdaptiveLimit(target))
			defer stop()
			nc := p.dial(t)
			defer nc.Close()
			answers := readAll(nc)
			ask := func(id uint32) {
				if _, err := nc.Write(request(t, id, "M", "x")); err != nil {
					t.Error(err)
				}
			}
			for id := range uint32(3) {
				ask(id + 1)
			}
			for start := time.Now(); time.Since(start) < 2*time.Second; { // who is answered asks again
				ask(bounded.Receive(t, answers).id)
			}
			if n := s.Stats().Refused.Waited; n > 0 != refuses {
				t.Errorf("target %v: %d calls are refused", target, n)
			}
			time.Sleep(time.Second) // of the bubble's, for the calls that are left
		})
	}
}
