package transport_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// counting counts the answers that are encoded.
type counting struct {
	native.Protocol
	answers *atomic.Int32
}

func (c counting) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	c.answers.Add(1)
	return c.Protocol.AppendResponse(dst, id, req, resp)
}

// TestAnswersThatNobodyReads: while a client reads none of its large answers, only as
// many are encoded as may be queued, and a few that were begun before, and no further
// handlers are run, which would each hold a response. When it reads, it gets all of them.
func TestAnswersThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var encoded, ran atomic.Int32
		body := make([]byte, 64<<10)
		p, _, stop := servePipesOf(t, counting{answers: &encoded}, map[string]*transport.Server{
			"Large": transport.NewServer(func(context.Context, any) (any, error) { ran.Add(1); return body, nil }, transport.NopRequestDecoder, transport.EncodeBytes),
		}, transport.ServiceMaxQueuedBytes(256<<10), transport.ServiceWriteTimeout(time.Minute))
		defer stop()
		nc := p.dial(t)
		const first, calls = 24, 200
		var frames [2][]byte // those that come before answers wait, and after
		for i := range uint32(calls) {
			part := &frames[min(i/first, 1)]
			*part = append(*part, request(t, i+1, "Large", "")...)
		}
		for _, part := range frames {
			go func() { _, _ = nc.Write(part) }()
			synctest.Wait()
		}
		if n := encoded.Load(); n < 4 || n > first {
			t.Errorf("%d answers of 64 KiB are encoded for a client that reads none, and 256 KiB may wait", n)
		}
		if n := ran.Load(); n > first { // although there is room for an answer of few bytes
			t.Errorf("%d handlers were run for a client that reads nothing", n)
		}
		for range calls {
			if _, err := readAnswer(nc); err != nil {
				t.Fatal(err)
			}
		}
	})
}
