package dnsmsg_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/dnsmsg"
)

func TestMain(m *testing.M) { os.Exit(bounded.Tests(m).Run()) }

const waitTime = 20 * time.Second

// message is a message with one question for the TXT records of name.
func message(name string) []byte {
	m := []byte{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0} // RD
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		m = append(append(m, byte(len(label))), label...)
	}
	return append(m, 0, 0, 16, 0, 1)
}

// opt is an OPT record that says that answers may have size bytes.
func opt(size int) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0, 0, 41}, uint16(size)), 0, 0, 0, 0, 0, 0)
}

// extended is a message whose answer may have size bytes.
func extended(name string, size int) []byte {
	m := append(message(name), opt(size)...)
	m[11] = 1
	return m
}

// txt appends a TXT record with so many bytes of text, each the same, to an answer to m.
func txt(m []byte, bytes int) []byte {
	var data []byte
	for bytes > 0 {
		n := min(bytes, 255)
		data = append(append(data, byte(n)), strings.Repeat("t", n)...)
		bytes -= n
	}
	m = append(m[:len(m):len(m)], 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60)
	m = append(binary.BigEndian.AppendUint16(m, uint16(len(data))), data...)
	m[7]++
	return m
}

// served is a Service for both networks at one address.
type served struct {
	udp, tcp *transport.Service
	address  string
}

func serve(t *testing.T, method string, e func(context.Context, any) (any, error), options ...transport.ServiceOption) *served {
	t.Helper()
	s := &served{udp: transport.NewService(dnsmsg.UDP{}, options...), tcp: transport.NewService(dnsmsg.TCP{}, options...)}
	pc, l := peertest.ListenBoth(t)
	s.address = l.Addr().String()
	ended := make(chan error, 2)
	for _, service := range []*transport.Service{s.udp, s.tcp} {
		service.Handle(method, transport.NewServer(e, transport.DecodeBytes, transport.EncodeBytes))
	}
	go func() { ended <- s.udp.ServePacket(pc) }()
	go func() { ended <- s.tcp.Serve(l) }()
	t.Cleanup(func() {
		s.udp.Close()
		s.tcp.Close()
		for range 2 {
			if err := bounded.Receive(t, ended); !errors.Is(err, transport.ErrServiceClosed) {
				t.Error(err)
			}
		}
	})
	return s
}

func newPool(t *testing.T) *muxpool.Multiplexed {
	t.Helper()
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	t.Cleanup(cancel)
	return ctx
}
