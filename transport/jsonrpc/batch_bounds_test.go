package jsonrpc_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// watched is JSON-RPC, and notes how its batches are taken apart and put together.
type watched struct {
	jsonrpc.Protocol
	*watch
}

type watch struct {
	requests atomic.Int64 // that batches were asked for
	gathered atomic.Int64 // the most bytes of answers that were together
	ends     atomic.Int64
	padding  int // bytes that the end of a batch has
}

func (w watched) Requests(frame []byte, yield func(request []byte) bool) {
	w.Protocol.Requests(frame, func(request []byte) bool {
		w.requests.Add(1)
		return yield(request)
	})
}

func (w watched) AppendBatched(dst, answer []byte) []byte {
	dst = w.Protocol.AppendBatched(dst, answer)
	w.gathered.Store(max(w.gathered.Load(), int64(len(dst)))) // calls of a batch are put together one at a time
	return dst
}

func (w watched) EndBatch(dst []byte) []byte {
	w.ends.Add(1)
	return w.Protocol.EndBatch(append(dst, bytes.Repeat([]byte(" "), w.padding)...))
}

// TestBatchIsTakenApartNoFurtherThanAllowed: of a batch of thousands only as many requests are
// looked for as tell that it is too large.
func TestBatchIsTakenApartNoFurtherThanAllowed(t *testing.T) {
	p := watched{watch: new(watch)}
	c := dial(t, serve(t, p, echoMethods(), transport.ServiceMaxInFlight(10, 100)).node)
	c.send(batch("Echo", 5000))
	if got, _ := c.next().(map[string]any); got["error"] == nil {
		t.Errorf("got %v", got)
	}
	if n := p.requests.Load(); n != 11 {
		t.Errorf("%d requests were looked for, where 10 are allowed: want 11", n)
	}
}

// TestAnswersOfABatchAreGatheredUpToTheLimit: those beyond take no memory, and of what was
// dropped no end is made.
func TestAnswersOfABatchAreGatheredUpToTheLimit(t *testing.T) {
	const most = 16 << 10
	methods := echoMethods()
	methods["Large"] = transport.NewServer(func(context.Context, any) (any, error) { return strings.Repeat("x", 5000), nil },
		transport.NopRequestDecoder, transport.EncodeJSON)
	for _, test := range []struct {
		name           string
		calls, padding int
		ends           int64
	}{
		{"too many answers", 40, 0, 0},
		{"an end that is one byte too many", 3, most, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := watched{watch: &watch{padding: test.padding}}
			c := dial(t, serve(t, p, methods, transport.ServiceMaxFrameSize(most)).node)
			c.send(batch("Large", test.calls))
			got, _ := c.next().(map[string]any)
			if e, _ := got["error"].(map[string]any); e == nil || e["code"] != -32018.0 || !strings.Contains(fmt.Sprint(e["message"]), fmt.Sprint(most)) {
				t.Errorf("got %.200v", got)
			}
			if n := p.gathered.Load(); n > most || n == 0 {
				t.Errorf("%d bytes of answers were gathered, at most %d are of use", n, most)
			}
			if n := p.ends.Load(); n != test.ends {
				t.Errorf("the end was made %d times, want %d", n, test.ends)
			}
		})
	}
}
