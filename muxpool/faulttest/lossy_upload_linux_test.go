package faulttest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// lossyUploads are requests of which one segment is lost, and lost again each time that its kernel sends it
// again, for 3.5 s: what is behind it has come all the while. The kernel sends it again after 6.3 s.
var lossyUploads = map[string]struct {
	protocol bothProtocols
	tls      bool
	segment  int // the first that is more than a frame's head, under TLS: more than a record
	service  []transport.ServiceOption
	pool     []muxpool.PoolOption
}{
	"the Service's frame time, native":    {native.Protocol{}, false, 1, []transport.ServiceOption{transport.ServiceFrameTimeout(2 * time.Second)}, patient},
	"the Service's frame time, trpc, TLS": {trpc.Protocol{}, true, 4, []transport.ServiceOption{transport.ServiceFrameTimeout(2 * time.Second)}, patient},
	"the pool's, native":                  {native.Protocol{}, false, 1, []transport.ServiceOption{transport.ServiceFrameTimeout(time.Minute)}, nil},
	"the pool's, trpc, TLS":               {trpc.Protocol{}, true, 4, []transport.ServiceOption{transport.ServiceFrameTimeout(time.Minute)}, nil},
	"all by default, native":              {native.Protocol{}, false, 1, nil, nil},
}

const (
	held        = 3500 * time.Millisecond
	uploadBytes = 2_500_000
)

// patient is a pool that gives up nobody here.
var patient = []muxpool.PoolOption{muxpool.WithKeepAlive(time.Minute), muxpool.WithWriteTimeout(time.Minute)}

// TestFaultKernel_UploadBehindAGap: a large request of which a segment is lost again and again arrives.
func TestFaultKernel_UploadBehindAGap(t *testing.T) {
	p := newPKI(t)
	rows := make(map[string]func(*testing.T))
	for name, row := range lossyUploads {
		rows[name] = func(t *testing.T) {
			ns := newNetns(t)
			ns.must("ip link set lo mtu 1500")
			ns.firewall()
			ns.must("nft add set inet faults lost { typeof tcp sequence ; flags dynamic ; }")
			options := row.service
			var config *tls.Config
			if row.tls {
				options = append(options, transport.ServiceTLSConfig(serverConfig(p.server)))
				config = &tls.Config{RootCAs: p.Pool()}
			}
			u := newUploads(t, ns, row.protocol, options, row.pool)
			if err := u.call(config, uploadBytes); err != nil { // the connection for large ones is there
				t.Fatal(err)
			}
			start := time.Now()
			done := u.behindAGap(t, ns, config, row.segment)
			if out := ns.output("nft list chain inet faults input"); strings.Contains(out, "packets 0 ") {
				t.Errorf("nothing was lost again: %s", out)
			}
			ns.must("nft flush chain inet faults input")
			if err := bounded.Receive(t, done); err != nil {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
			t.Logf("arrived after %v", time.Since(start))
		}
	}
	world.AtOnce(t, rows)
}

// uploads is a service that answers how many bytes it was sent, and a pool.
type uploads struct {
	protocol bothProtocols
	pool     *muxpool.Multiplexed
	node     transport.Node
}

func newUploads(t *testing.T, ns *netns, protocol bothProtocols, options []transport.ServiceOption, of []muxpool.PoolOption) *uploads {
	t.Helper()
	s := transport.NewService(protocol, append(options, transport.ServiceErrorHandler(
		kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { t.Errorf("the service reports: %v", err) })))...)
	s.Handle("slow.Upload", transport.NewServer(func(_ context.Context, r any) (any, error) {
		return fmt.Append(nil, len(r.([]byte))), nil
	}, transport.DecodeBytes, transport.EncodeBytes))
	var l net.Listener
	if err := ns.do(func() (err error) { l, err = net.Listen("tcp", "127.0.0.1:0"); return err }); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(l); !errors.Is(err, transport.ErrServiceClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { s.Close(); bounded.Wait(t, wg.Wait) })
	pool, err := muxpool.New(append(of, muxpool.WithConnectNumber(1), muxpool.WithDialContext(ns.dial))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return &uploads{protocol, pool, transport.Node{Network: "tcp", Address: l.Addr().String()}}
}

// behindAGap begins a large request, and returns once a segment of it was lost for so long. A kernel that had no
// processor sends again what has come: if such a one was lost, the request arrives, and another one begins.
func (u *uploads) behindAGap(t *testing.T, ns *netns, config *tls.Config, segment int) (done chan error) {
	t.Helper()
	_, port, _ := net.SplitHostPort(u.node.Address)
	large := "nft add rule inet faults input tcp dport " + port + " meta length > 1000 "
	for range 10 {
		ns.must("nft flush chain inet faults input")
		ns.must(large + "tcp sequence @lost counter drop")
		ns.must(large + "numgen inc mod 1000 == " + fmt.Sprint(segment) + " add @lost { tcp sequence } drop")
		start := time.Now()
		done = make(chan error, 1)
		go func() { done <- u.call(config, uploadBytes) }()
		select {
		case <-time.After(held):
			return done
		case err := <-done:
			if err != nil {
				t.Fatalf("after %v: %v", time.Since(start), err)
			}
		}
	}
	t.Fatal("ten times nothing was lost that had not come already")
	return nil
}

// call sends n bytes.
func (u *uploads) call(config *tls.Config, n int) error {
	answer, err := transport.NewClient(u.pool, u.node, u.protocol, "slow.Upload", transport.EncodeBytes, transport.DecodeBytes,
		transport.ClientGetOptions(func(o *muxpool.GetOptions) {
			if config != nil {
				o.WithTLSConfig(config)
			}
		})).Endpoint()(context.Background(), bytes.Repeat([]byte("1"), n))
	if err == nil && string(answer.([]byte)) != fmt.Sprint(n) {
		err = fmt.Errorf("%s bytes of %d", answer, n)
	}
	return err
}
