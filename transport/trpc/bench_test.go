package trpc

import (
	"bytes"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// loop gives the same frame for ever.
type loop struct{ frame, rest []byte }

func (l *loop) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		l.rest = l.frame
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// A call's share in this package, on the client: its request, the cut of its answer's
// frame, and the reading of it.
func clientShare(tb testing.TB) func() {
	p := goldenProtocol
	req := &transport.Message{Method: "/muxkit.Interop/Echo", Body: bytes.Repeat([]byte("x"), 128)}
	r := wire.NewReader(&loop{frame: golden(tb, "response")}, 0)
	var buf []byte
	var resp transport.Message
	return func() {
		var err error
		if buf, err = p.AppendRequest(buf[:0], 1, req); err != nil {
			tb.Fatal(err)
		}
		r.BeginFrame()
		_, frame, err := p.Parse(r)
		if err != nil {
			tb.Fatal(err)
		}
		if err := p.ParseResponse(frame, &resp); err != nil {
			tb.Fatal(err)
		}
		muxpool.Release(frame)
	}
}

func TestClientAllocatesNothing(t *testing.T) {
	if n := bounded.Allocs(1000, clientShare(t)); n >= 1 {
		t.Errorf("%v allocations a call", n)
	}
}

func BenchmarkClient(b *testing.B) {
	call := clientShare(b)
	b.ReportAllocs()
	for b.Loop() {
		call()
	}
}
