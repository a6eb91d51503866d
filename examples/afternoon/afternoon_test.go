package afternoon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

const waitTime = 20 * time.Second // for what must come

func newPool(t testing.TB, connections int) *muxpool.Multiplexed {
	t.Helper()
	pool, err := muxpool.New(muxpool.WithConnectNumber(connections))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// call makes one call as ann.
func call(ctx context.Context, pool muxpool.Pool, node transport.Node, method, body string) (string, error) {
	c := transport.NewClient(pool, node, Protocol{Name: "ann", Secret: "right"}, method, transport.EncodeBytes, transport.DecodeBytes)
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	answer, err := c.Endpoint()(ctx, []byte(body))
	b, _ := answer.([]byte)
	return string(b), err
}

func receive[T any](t *testing.T, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(waitTime):
		t.Fatalf("%s: not within %v", what, waitTime)
	}
	return v
}

func TestAnswers(t *testing.T) {
	pool, node := newPool(t, 1), newPeer().start(t)
	if got, err := call(t.Context(), pool, node, "Echo", "hello"); got != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := call(t.Context(), pool, node, "Count", ""); got != "one two three" || err != nil {
		t.Errorf("of three frames: got %q, %v", got, err)
	}
	_, err := call(t.Context(), pool, node, "Fail", "")
	var e *transport.Error
	if !errors.As(err, &e) || !e.Business() || e.Message != "closed on Sundays" {
		t.Errorf("got %v", err)
	}
}

// TestEachConnectionHasItsToken: the peer takes no other's.
func TestEachConnectionHasItsToken(t *testing.T) {
	p := newPeer()
	pool, node := newPool(t, 4), p.start(t)
	if _, err := call(t.Context(), pool, node, "Echo", "first"); err != nil {
		t.Fatal(err)
	}
	for limit := new(bounded.Limit); p.hasLogins() < 2; runtime.Gosched() { // one connection proves nothing
		if limit.Over() {
			t.Fatal("there is no second connection")
		}
	}
	var callers sync.WaitGroup
	for i := range 64 {
		callers.Go(func() {
			for j := range 20 {
				nonce := fmt.Sprint(i, j)
				if got, err := call(t.Context(), pool, node, "Echo", nonce); got != nonce || err != nil {
					t.Errorf("sent %q, got %q, %v", nonce, got, err)
					return
				}
			}
		})
	}
	bounded.Wait(t, callers.Wait)
}

func TestWrongPassword(t *testing.T) {
	pool, node := newPool(t, 1), newPeer().start(t)
	c := transport.NewClient(pool, node, Protocol{Name: "ann", Secret: "wrong"}, "Echo", transport.EncodeBytes, transport.DecodeBytes)
	_, err := c.Endpoint()(t.Context(), []byte("hello"))
	if v := verdict.Of(err); v.Code != verdict.CodeUnauthenticated || v.Whose != verdict.Caller || v.Ran != verdict.NotSent {
		t.Errorf("got %v: %v", v, err)
	}
}

// TestCancelIsARequest: the peer learns which call was left, and both ids are free again.
func TestCancelIsARequest(t *testing.T) {
	p := newPeer()
	pool, node := newPool(t, 1), p.start(t)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := call(ctx, pool, node, "Wait", "")
			ended <- err
		}()
		id := receive(t, "the call", p.waits)
		cancel()
		if err := receive(t, "the end of the call", ended); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if left := receive(t, "the cancel", p.left); left != id {
			t.Errorf("the cancel names %d, left was %d", left, id)
		}
		if got, err := call(t.Context(), pool, node, "Echo", "after it"); got != "after it" || err != nil {
			t.Fatalf("got %q, %v", got, err) // and what was answered before has arrived
		}
	}
	s := pool.Stats()
	if k := s.Counters; k.Late != 6 || k.Unknown+k.Duplicate+k.Unsolicited != 0 {
		t.Errorf("%+v: want 6 late answers, of 3 calls and 3 cancels", k)
	}
}

// TestPeerAsksAndHearsAFarewell: the peer's question is answered, and it is told when the
// client leaves.
func TestPeerAsksAndHearsAFarewell(t *testing.T) {
	muxtest.CheckLeaks(t)
	p := newPeer()
	p.asks = true
	pool, node := newPool(t, 1), p.start(t)
	if _, err := call(t.Context(), pool, node, "Echo", "hello"); err != nil {
		t.Fatal(err)
	}
	if kind := receive(t, "the answer to the peer's question", p.heard); kind != kindHere {
		t.Errorf("the peer heard %c", kind)
	}
	if err := pool.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if kind := receive(t, "the farewell", p.heard); kind != kindBye {
		t.Errorf("the peer heard %c", kind)
	}
}

func TestConformance(t *testing.T) {
	protocoltest.Run(t, Protocol{Name: "ann", Secret: "right"},
		protocoltest.PeerHandshake(func(nc net.Conn) error {
			_, err := io.CopyN(io.Discard, nc, header+int64(len("ann\x00right")))
			if err == nil {
				_, err = nc.Write(appendFrame(nil, 0, kindAnswer, []byte{0, 0, 0, 9}))
			}
			return err
		}),
		protocoltest.Answer(func(dst []byte, id uint32, body []byte) []byte {
			half := len(body) / 2
			return appendFrame(appendFrame(dst, id, kindPart, body[:half]), id, kindAnswer, body[half:])
		}),
		protocoltest.ErrorAnswer(func(dst []byte, id uint32) []byte { return appendFrame(dst, id, kindError, []byte{0, 7, 'n', 'o'}) }))
}
