package jsonrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// TestIDsThatNoAnswerHasRoomFor: an id may be so long that the request is within the limit
// and no answer that echoes it is, not even one that says so. Then the connection ends, and
// the report says why: a client that heard nothing would wait for ever. Of a batch the
// frame as a whole is refused.
func TestIDsThatNoAnswerHasRoomFor(t *testing.T) {
	const limit = 1 << 10
	request := func(id string) string { return fmt.Sprintf(`{"jsonrpc":"2.0","id":"%s","method":"none"}`, id) }
	long := strings.Repeat("x", limit-len(request("")))
	reports := make(chan error, 100)
	s := serve(t, jsonrpc.Protocol{}, specMethods(), transport.ServiceMaxFrameSize(limit),
		transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reports <- err })))

	r := dial(t, s.node)
	r.send(request("short"))
	r.want(`{"jsonrpc":"2.0","id":"short","error":{"code":-32601,"message":"Method not found","data":{"mux-not-run":"1"}}}`)
	r.send(request(long))
	if rest, err := io.ReadAll(r.Conn); len(rest) > 0 {
		t.Errorf("answered with %.100q, %v", rest, err)
	}
	for told := false; !told; {
		select {
		case err := <-reports:
			if told = strings.Contains(err.Error(), "cannot be answered"); told && !errors.Is(err, muxpool.ErrFrameTooLarge) {
				t.Errorf("the report does not tell the cause: %v", err)
			}
		case <-time.After(waitTime):
			t.Fatal("nothing is reported")
		}
	}

	r = dial(t, s.node)
	r.send("[" + request(long[:len(long)-50]) + `,{"jsonrpc":"2.0","id":1,"method":"x"}]`)
	if got := fmt.Sprint(r.next()); !strings.Contains(got, "the answer cannot be sent") || !strings.Contains(got, "id:<nil>") {
		t.Errorf("a batch with such an id: %s", got)
	}
	r.send(request("still there"))
	r.want(`{"jsonrpc":"2.0","id":"still there","error":{"code":-32601,"message":"Method not found","data":{"mux-not-run":"1"}}}`)
}

// TestLongIDsCount: an id is kept for the answer, and counts beside the frame in which it came.
func TestLongIDsCount(t *testing.T) {
	const size = 2<<20 - 200 // with the rest just under the memory of its frame, which doubles as it grows
	release := make(chan struct{})
	s := serve(t, jsonrpc.Protocol{}, blocking(release))
	r := dial(t, s.node)
	r.send(`{"jsonrpc":"2.0","method":"Slow","params":[1],"id":"` + strings.Repeat("x", size) + `"}`)
	until(t, "the call in flight, with its id", func() bool {
		s := s.Stats()
		return s.InFlight == 1 && s.Bytes >= 2*size
	})
	close(release)
	r.next()
	until(t, "nothing in use", func() bool { return s.Stats().Bytes == 0 })
}
