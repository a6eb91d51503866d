package jsonrpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	kittransport "github.com/go-kit/kit/transport"

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

// TestWhatABatchIs: an array, to who speaks 2.0.
func TestWhatABatchIs(t *testing.T) {
	for frame, want := range map[string][]string{
		`[{"id":1}, 2]`: {`{"id":1}`, "2"}, `[[1]]`: {"[1]"}, "[]": nil, "[": nil, "": nil, `["x"["y"]`: {`"x"`}, `{"id":[1,2]}`: nil, `"[1]"`: nil,
	} {
		for _, version := range []jsonrpc.Version{jsonrpc.VersionAny, jsonrpc.Version1, jsonrpc.Version2} {
			var got []string
			jsonrpc.Protocol{Version: version}.Requests([]byte(frame), func(request []byte) bool {
				got = append(got, string(request))
				return true
			})
			if one := version == jsonrpc.Version1; one && got != nil || !one && !slices.Equal(got, want) {
				t.Errorf("option %d: %s has %q, want %q", version, frame, got, want)
			}
		}
	}
}

// mute panics where answers are joined, and again where it is to say so.
type mute struct{ faulty }

func (m mute) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	if resp.Err != nil {
		panic("again")
	}
	return m.faulty.AppendResponse(dst, id, req, resp)
}

// TestBatchThatCannotBeAnswered: where not even an error can be said in the place of its answers, the
// connection ends, and the report says why: a client that heard nothing would wait for ever.
func TestBatchThatCannotBeAnswered(t *testing.T) {
	release := make(chan struct{})
	close(release)
	for _, method := range []string{"Echo", "Slow"} { // the last call ends where the batch began, and on a goroutine of its own
		reports := make(chan error, 100)
		s := serve(t, mute{}, blocking(release), transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { reports <- err })))
		c := dial(t, s.node)
		c.send(batch(method, 3))
		if rest, err := io.ReadAll(c.Conn); len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: answered with %.100q, %v", method, rest, err)
		}
		told := false
		until(t, "the report", func() bool {
			select {
			case err := <-reports:
				told = told || strings.Contains(err.Error(), "cannot be answered")
			default:
			}
			return told
		})
		until(t, "nothing in use", func() bool { st := s.Stats(); return st.InFlight == 0 && st.Bytes == 0 && st.Conns == 0 })
	}
}
