package transport_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// answering is a pool, and its only MuxConn, whose every call is answered at once: what
// is left is the Client's own part.
type answering struct{ frame []byte }

func (a *answering) GetMuxConn(context.Context, string, string, muxpool.GetOptions) (muxpool.MuxConn, error) {
	return a, nil
}
func (a *answering) Write([]byte) error { return nil }
func (a *answering) Read() ([]byte, error) {
	return append(wire.Alloc(len(a.frame))[:0], a.frame...), nil
}
func (a *answering) VID() uint32          { return 1 }
func (a *answering) LocalAddr() net.Addr  { return pipeAddr{} }
func (a *answering) RemoteAddr() net.Addr { return pipeAddr{} }
func (a *answering) Close()               {}

// answerFrame is an answer with 128 bytes.
func answerFrame(tb testing.TB) []byte {
	tb.Helper()
	frame, err := native.Protocol{}.AppendResponse(nil, 1, nil, &transport.Message{Body: make([]byte, 128)})
	if err != nil {
		tb.Fatal(err)
	}
	return frame
}

// benchClient is the endpoint of a Client for 128 raw bytes on an answering pool.
func benchClient(tb testing.TB, dec transport.DecodeResponseFunc) func(context.Context, any) (any, error) {
	return transport.NewClient(&answering{answerFrame(tb)}, transport.Node{Network: "tcp", Address: "peer"}, native.Protocol{},
		"Echo", transport.EncodeBytes, dec).Endpoint()
}

// BenchmarkClient is a Client by itself, without a pool or a network.
func BenchmarkClient(b *testing.B) {
	call := benchClient(b, transport.DecodeBytes)
	var request any = make([]byte, 128)
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := call(ctx, request); err != nil {
			b.Fatal(err)
		}
	}
}

// batched is a client of a Service that sends requests many at a time.
type batched struct {
	nc      net.Conn
	batch   []byte
	answers []byte // memory for as many answers
}

// newBatched connects to a Service and prepares n requests with 128 bytes each.
func newBatched(tb testing.TB, n int, options ...transport.ServerOption) *batched {
	tb.Helper()
	s := transport.NewService(native.Protocol{})
	s.Handle("Echo", rawServer(echo, options...))
	l := listen(tb)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nc.Close(); s.Close(); bounded.Receive(tb, done) })
	readHello(tb, nc)
	b := &batched{nc: nc}
	for i := range n {
		m := &transport.Message{Method: "Echo", Body: make([]byte, 128), Timeout: waitTime}
		if b.batch, err = (native.Protocol{}).AppendRequest(b.batch, uint32(i+1), m); err != nil {
			tb.Fatal(err)
		}
	}
	b.answers = make([]byte, n*len(answerFrame(tb)))
	return b
}

// readHello makes the server send its settings, which come in front of the first frame.
func readHello(tb testing.TB, nc net.Conn) {
	tb.Helper()
	_, err := nc.Write(native.Protocol{}.AppendKeepAlive(nil, 1))
	for range 2 { // and a pong
		if err == nil {
			_, _, err = native.Protocol{}.Parse(nc)
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func (b *batched) exchange() error {
	if _, err := b.nc.Write(b.batch); err != nil {
		return err
	}
	_, err := io.ReadFull(b.nc, b.answers)
	return err
}

// BenchmarkServe is a Service by itself: an operation is a request, 32 of them come
// and are answered at a time.
func BenchmarkServe(b *testing.B) {
	for name, options := range map[string][]transport.ServerOption{"goroutine": nil, "inline": {transport.ServerInline()}} {
		b.Run(name, func(b *testing.B) {
			const n = 32
			client := newBatched(b, n, options...)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N/n + 1 {
				if err := client.exchange(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
