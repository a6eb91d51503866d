package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/protocoltest"
	"github.com/muxkit/muxkit/transport/trpc"
)

// fuzzConnection lets a whole connection of a Service read b, and then requests
// that are right: it must answer one, or close the connection. The first may become
// the end of a frame that b begins, which is then another request.
func fuzzConnection(f *testing.F, p transport.ServerProtocol) {
	for _, seed := range protocoltest.Seeds(p) {
		f.Add(seed)
	}
	for _, size := range []int{40 << 10, 70 << 10} { // within the limit, and over it
		large, err := p.AppendRequest(nil, 5, &transport.Message{Method: "Test.Echo", Body: fmt.Appendf(nil, "%q", strings.Repeat("x", size))})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(large)
		f.Add(append(large, large...)) // one id twice
	}
	right, err := p.AppendRequest(nil, 7, &transport.Message{Method: "Test.Echo", Body: []byte(`"x"`)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		synctest.Test(t, func(t *testing.T) {
			l, s, stop := servePipesOf(t, p, map[string]*transport.Server{
				"Test.Echo": rawServer(echo),
				"Test.Fail": rawServer(func(context.Context, any) (any, error) { panic("boom") }),
			}, transport.ServiceMaxFrameSize(64<<10), transport.ServiceFrameTimeout(2*time.Millisecond),
				transport.ServiceMaxInFlight(2, 3), transport.ServiceMaxMetadata(3, 100), transport.ServiceMaxBytes(0, 256<<10))
			defer stop()
			nc := l.dial(t)
			readOrClosed(t, p, nc, b, right)
			nc.Close()
			time.Sleep(waitTime)
			synctest.Wait()
			if stats := s.Stats(); stats.Conns != 0 || stats.InFlight != 0 || stats.Bytes != 0 {
				t.Errorf("after %q %+v are left", b, stats)
			}
		})
	})
}

// readOrClosed sends b, and then right, whose id is 7, until it is answered or the connection closed.
func readOrClosed(t *testing.T, p transport.Protocol, nc net.Conn, b, right []byte) {
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	ended := make(chan error, 1)
	go func() { ended <- awaitAnswer(p, nc, 7) }()
	_, _ = nc.Write(append(bytes.Clone(b), right...)) // fails if the service closes
	for {
		select {
		case err := <-ended:
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("after %q the connection is neither served nor closed", b)
			}
			return
		case <-time.After(20 * time.Millisecond):
			_, _ = nc.Write(right)
		}
	}
}

// awaitAnswer reads frames up to the one with the id.
func awaitAnswer(p transport.Protocol, nc net.Conn, id uint32) error {
	for {
		if got, _, err := p.Parse(nc); err != nil || got == id {
			return err
		}
	}
}

func FuzzConnectionNative(f *testing.F) { fuzzConnection(f, native.Protocol{}) }

func FuzzConnectionJSONRPC(f *testing.F) { fuzzConnection(f, jsonrpc.Protocol{}) }

func FuzzConnectionTRPC(f *testing.F) { fuzzConnection(f, trpc.Protocol{}) }

func FuzzDatagram(f *testing.F) {
	for _, seed := range protocoltest.Seeds(native.Protocol{}) {
		f.Add(seed)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	s := transport.NewService(native.Protocol{})
	s.Handle("Test.Echo", rawServer(echo))
	done := make(chan error, 1)
	go func() { done <- s.ServePacket(pc) }()
	f.Cleanup(func() { s.Close(); bounded.Receive(f, done) })
	right := make([]byte, 0, 64)
	right, err = native.Protocol{}.AppendRequest(right, 7, &transport.Message{Method: "Test.Echo", Body: []byte("x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		nc, err := net.Dial("udp", pc.LocalAddr().String())
		if err != nil {
			t.Skip(err)
		}
		defer nc.Close()
		_, _ = nc.Write(b) // may be too large
		_ = nc.SetDeadline(time.Now().Add(waitTime))
		if _, err := nc.Write(right); err != nil {
			t.Skip(err)
		}
		buf := make([]byte, 64<<10)
		for { // until the answer to the right one
			n, err := nc.Read(buf)
			if err != nil {
				t.Fatalf("after %x the socket is dead: %v", b, err)
			}
			if a, err := readAnswer(bytes.NewReader(buf[:n])); err == nil && a.id == 7 && a.body == "x" {
				return
			}
		}
	})
}
