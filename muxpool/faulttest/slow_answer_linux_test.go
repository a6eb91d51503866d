package faulttest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

type bothProtocols interface {
	transport.Protocol
	transport.ServerProtocol
}

// slowAnswers are answers that take a link longer than a write may get nowhere, longer than a connection may
// be idle, and longer than one that ends lingers.
var slowAnswers = map[string]struct {
	rate     string
	body     int
	protocol bothProtocols
	tls      bool
	window   int  // of the client, 0: the kernel's
	lossy    bool // each twentieth packet is lost, of either direction
	options  []transport.ServiceOption
	shutdown bool // while the answer is under way
	rounds   int  // with MUXPOOL_FULL
	quick    int  // without
}{
	"2.5 MB over 5 Mbit, native":           {rate: "5mbit", body: 2_500_000, protocol: native.Protocol{}, rounds: 3, quick: 1},
	"2.5 MB over 5 Mbit, trpc":             {rate: "5mbit", body: 2_500_000, protocol: trpc.Protocol{}, rounds: 3, quick: 1},
	"2.5 MB over 5 Mbit, native, TLS":      {rate: "5mbit", body: 2_500_000, protocol: native.Protocol{}, tls: true, rounds: 3, quick: 1},
	"2.5 MB over 1 Mbit, native":           {rate: "1mbit", body: 2_500_000, protocol: native.Protocol{}, rounds: 3},
	"2.5 MB over 1 Mbit, trpc, TLS":        {rate: "1mbit", body: 2_500_000, protocol: trpc.Protocol{}, tls: true, rounds: 3},
	"0.5 MB over 256 Kbit, native":         {rate: "256kbit", body: 500_000, window: 32 << 10, protocol: native.Protocol{}, rounds: 1},
	"0.5 MB over 256 Kbit, trpc, TLS":      {rate: "256kbit", body: 500_000, window: 32 << 10, protocol: trpc.Protocol{}, tls: true, rounds: 1},
	"0.5 MB over 1 Mbit, lossy, native":    {rate: "1mbit", lossy: true, body: 500_000, protocol: native.Protocol{}, rounds: 3, quick: 1},
	"0.5 MB over 1 Mbit, lossy, trpc, TLS": {rate: "1mbit", lossy: true, body: 500_000, protocol: trpc.Protocol{}, tls: true, rounds: 3},
	"2.5 MB over 5 Mbit, idle after 1 s":   {rate: "5mbit", body: 2_500_000, protocol: native.Protocol{}, options: []transport.ServiceOption{transport.ServiceIdleTimeout(time.Second)}, rounds: 3, quick: 1},
	"2.5 MB over 5 Mbit, shutdown":         {rate: "5mbit", body: 2_500_000, protocol: native.Protocol{}, shutdown: true, rounds: 3, quick: 1},
	"2.5 MB over 5 Mbit, shutdown, json":   {rate: "5mbit", body: 2_500_000, protocol: jsonrpc.Protocol{}, shutdown: true, rounds: 3, quick: 1},
	"2.5 MB over 5 Mbit, shutdown, TLS":    {rate: "5mbit", body: 2_500_000, protocol: native.Protocol{}, tls: true, shutdown: true, rounds: 3, quick: 1},
	"2.5 MB over 1 Mbit, shutdown, trpc":   {rate: "1mbit", body: 2_500_000, protocol: trpc.Protocol{}, shutdown: true, rounds: 1},
	"2.5 MB over 1 Mbit, idle after 1 s":   {rate: "1mbit", body: 2_500_000, protocol: trpc.Protocol{}, options: []transport.ServiceOption{transport.ServiceIdleTimeout(time.Second)}, rounds: 1},
	"0.5 MB over 256 Kbit, shutdown, TLS":  {rate: "256kbit", body: 500_000, window: 32 << 10, protocol: native.Protocol{}, tls: true, shutdown: true, rounds: 1},
}

// TestFaultKernel_SlowAnswer: a large answer over a slow link arrives, with the defaults of a Service and a pool.
func TestFaultKernel_SlowAnswer(t *testing.T) {
	p := newPKI(t)
	var turn sync.Mutex // see TestFaultKernel_SlowLink
	rows := make(map[string]func(*testing.T))
	for name, row := range slowAnswers {
		for round := range world.Often(row.rounds, row.quick) {
			rows[fmt.Sprintf("%s, %d", name, round)] = func(t *testing.T) {
				if world.Full {
					bounded.Long(t) // many links, of which some take 20 s
				}
				turn.Lock()
				ready := sync.OnceFunc(turn.Unlock)
				defer ready()
				ns := newNetns(t)
				ns.must("ip link set lo mtu 1500")
				options := row.options
				var config *tls.Config
				if row.tls {
					options = append(options, transport.ServiceTLSConfig(serverConfig(p.server)))
					config = &tls.Config{RootCAs: p.Pool()}
				}
				s := newSlowService(t, ns, row.protocol, row.body, row.window, options)
				if a := s.call(config, 1); a.err != nil { // the connection is there
					t.Fatal(a.err)
				}
				queue := "400ms" // which loses packets
				if row.window > 0 {
					queue = "5s" // which does not
				}
				if row.lossy {
					ns.firewall()
					ns.must("nft add rule inet faults input meta l4proto tcp numgen inc mod 20 0 drop")
				}
				ns.need("tc qdisc add dev lo root tbf rate " + row.rate + " burst 16kb latency " + queue)
				ready()
				start := time.Now()
				large := make(chan slowAnswer, 1)
				go func() { large <- s.call(config, 2) }()
				select {
				case <-s.answering:
				case a := <-large:
					t.Fatalf("no answer is under way: %v", a.err)
				case <-time.After(time.Minute):
					t.Fatal("the call has not arrived")
				}
				if row.shutdown {
					if err := s.service.Shutdown(t.Context()); err != nil {
						t.Errorf("Shutdown: %v", err)
					}
					t.Logf("shut down after %v", time.Since(start))
				}
				if a := bounded.Receive(t, large); a.err != nil || !bytes.Equal(a.body, s.body) {
					t.Errorf("after %v: %d bytes, %v", time.Since(start), len(a.body), a.err)
				}
				if took := time.Since(start); took < linkTime(row.rate, row.body) {
					t.Errorf("%v: that was no slow link", took)
				}
				t.Logf("%d bytes in %v", row.body, time.Since(start))
			}
		}
	}
	world.AtOnce(t, rows)
}

type slowAnswer struct {
	body []byte
	err  error
}

// slowService answers a request of one byte with itself, a longer one with body.
type slowService struct {
	service   *transport.Service
	protocol  bothProtocols
	pool      *muxpool.Multiplexed
	node      transport.Node
	body      []byte
	answering chan struct{}
}

func newSlowService(t *testing.T, ns *netns, protocol bothProtocols, body, window int, options []transport.ServiceOption) *slowService {
	t.Helper()
	s := &slowService{protocol: protocol, body: make([]byte, body), answering: make(chan struct{}, 1)}
	for i := range s.body {
		s.body[i] = '0' + byte(rand.N(10)) // JSON takes that, too
	}
	s.body[0] = '1'
	s.service = transport.NewService(protocol, append(options, transport.ServiceErrorHandler(
		kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { t.Errorf("the service reports: %v", err) })))...)
	s.service.Handle("slow.Answer", transport.NewServer(func(_ context.Context, r any) (any, error) {
		if len(r.([]byte)) == 1 {
			return r, nil
		}
		s.answering <- struct{}{}
		return s.body, nil
	}, transport.DecodeBytes, transport.EncodeBytes))
	var l net.Listener
	if err := ns.do(func() (err error) { l, err = net.Listen("tcp", "127.0.0.1:0"); return err }); err != nil {
		t.Fatal(err)
	}
	s.node = transport.Node{Network: "tcp", Address: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.service.Serve(l); !errors.Is(err, transport.ErrServiceClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { s.service.Close(); bounded.Wait(t, wg.Wait) })
	pool, err := muxpool.New(muxpool.WithConnectNumber(1), muxpool.WithMaxFrameSize(4<<20), muxpool.WithDialTimeout(handshakeTime()), muxpool.WithDialContext(
		func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := ns.dial(ctx, network, address)
			if err == nil && window > 0 {
				err = nc.(*net.TCPConn).SetReadBuffer(window)
			}
			return nc, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	s.pool = pool
	return s
}

// call sends n bytes.
func (s *slowService) call(config *tls.Config, n int) slowAnswer {
	answer, err := transport.NewClient(s.pool, s.node, s.protocol, "slow.Answer", transport.EncodeBytes, transport.DecodeBytes,
		transport.ClientGetOptions(func(o *muxpool.GetOptions) {
			if config != nil {
				o.WithTLSConfig(config)
			}
		})).Endpoint()(context.Background(), bytes.Repeat([]byte("1"), n))
	body, _ := answer.([]byte)
	return slowAnswer{body, err}
}
