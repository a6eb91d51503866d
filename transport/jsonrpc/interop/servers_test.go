package interop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

func (p peer) protocol() jsonrpc.Protocol {
	if p.version == "1" {
		return jsonrpc.Protocol{}
	}
	return jsonrpc.Protocol{Version: jsonrpc.Version2}
}

// caller calls a peer with JSON texts.
type caller struct {
	peer
	pool *muxpool.Multiplexed
	node transport.Node
}

func newCaller(t *testing.T, p peer, n transport.Node) *caller {
	t.Helper()
	pool, err := muxpool.New(muxpool.WithConnectNumber(2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return &caller{p, pool, n}
}

func (c *caller) call(ctx context.Context, method, params string, options ...transport.ClientOption) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	got, err := transport.NewClient(c.pool, c.node, c.protocol(), method, transport.EncodeBytes, transport.DecodeBytes, options...).Endpoint()(ctx, []byte(params))
	b, _ := got.([]byte)
	return string(b), err
}

// params are what a body of one value becomes, as the peer's method gets it.
func (p peer) params(body string) string {
	if p.version == "1" || body[0] != '[' && body[0] != '{' {
		return "[" + body + "]"
	}
	return body
}

func TestClientAgainstNode(t *testing.T) {
	for _, p := range []peer{jayson2, jayson1, npm2} {
		t.Run(p.String(), func(t *testing.T) {
			n, _ := p.serve(t, "0")
			c := newCaller(t, p, n)
			for _, body := range []string{`{"a":"}"}`, `[1,2]`, `"text"`, `7`, `[]`} {
				if got, err := c.call(t.Context(), "echo", body); err != nil || got != p.params(body) {
					t.Errorf("%s: got %s, %v, want %s", body, got, err, p.params(body))
				}
			}
			if got, err := c.call(t.Context(), "nothing", `[]`); err != nil || got != "null" {
				t.Errorf("nothing: %s, %v", got, err)
			}
			for method, want := range map[string]transport.Error{
				"refuse":  {Code: transport.CodeBusiness, Status: 402, Message: "insufficient funds"},
				"nowhere": {Code: transport.CodeUnimplemented, Message: "Method not found"},
				"crash":   {Code: transport.CodeInternal, Message: "something broke"},
			} {
				if p == npm2 && method == "crash" {
					want.Code = transport.CodeUnknown // its number is 0
				}
				var body string
				_, err := c.call(t.Context(), method, `[]`, transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
					body = string(m.Body)
					return ctx
				}))
				var e *transport.Error
				if !errors.As(err, &e) || e.Code != want.Code || e.Status != want.Status || e.Message != want.Message || !e.Remote || e.NotRun {
					t.Errorf("%s: %+v", method, err)
				}
				if method == "refuse" && body != `{"missing":7}` {
					t.Errorf("the error's data is %s", body)
				}
			}
			if _, err := c.call(t.Context(), "told", `"one-way"`, transport.ClientOneWay()); err != nil {
				t.Error(err)
			}
			for start := time.Now(); ; time.Sleep(time.Millisecond) { // it may answer what comes later first
				got, err := c.call(t.Context(), "tell", `[]`)
				if err == nil && got == `[["one-way"]]` {
					break
				}
				if err != nil || got != `[]` || time.Since(start) > waitTime {
					t.Fatalf("told: %s, %v", got, err)
				}
			}
		})
	}
}

// TestManyCallersAgainstNode: two thousand at once, answered out of order, some of whom
// leave; nobody gets another's answer.
func TestManyCallersAgainstNode(t *testing.T) {
	for _, p := range []peer{jayson2, jayson1, npm2} {
		t.Run(p.String(), func(t *testing.T) {
			n, _ := p.serve(t, "0")
			c := newCaller(t, p, n)
			var callers sync.WaitGroup
			var left atomic.Int64
			for i := range 2000 {
				callers.Go(func() {
					for j := range 3 {
						if i%10 == 0 && j == 1 {
							ctx, leave := context.WithCancel(t.Context())
							time.AfterFunc(time.Duration(i%7)*time.Millisecond, leave)
							if _, err := c.call(ctx, "never", `[]`); errors.Is(err, context.Canceled) {
								left.Add(1)
							}
							continue
						}
						nonce := fmt.Sprintf(`{"nonce":"%d of %d"}`, j, i)
						if got, err := c.call(t.Context(), "late", nonce); err != nil || got != p.params(nonce) {
							t.Errorf("%s: got %s, %v", nonce, got, err)
						}
					}
				})
			}
			bounded.Wait(t, callers.Wait)
			if left.Load() != 200 {
				t.Errorf("%d callers left, not 200", left.Load())
			}
		})
	}
}

// TestNodeIsKilledAndComesBack: under load, twice; whoever is answered gets their own
// answer, and afterwards everybody does.
func TestNodeIsKilledAndComesBack(t *testing.T) {
	for _, p := range []peer{jayson2, npm2} {
		t.Run(p.String(), func(t *testing.T) {
			n, kill := p.serve(t, "0")
			c := newCaller(t, p, n)
			end := make(chan struct{})
			var callers sync.WaitGroup
			var ok, failed atomic.Int64
			for i := range 50 {
				callers.Go(func() {
					for j := 0; ; j++ {
						select {
						case <-end:
							return
						default:
						}
						nonce := fmt.Sprintf(`{"nonce":"%d of %d"}`, j, i)
						switch got, err := c.call(t.Context(), "late", nonce); {
						case err != nil:
							failed.Add(1)
						case got != p.params(nonce):
							t.Errorf("%s: got %s", nonce, got)
						default:
							ok.Add(1)
						}
					}
				})
			}
			more := func(of *atomic.Int64, what string) {
				t.Helper()
				before := of.Load()
				for start := time.Now(); of.Load() < before+100; time.Sleep(time.Millisecond) {
					if time.Since(start) > waitTime {
						t.Fatalf("no more calls %s", what)
					}
				}
			}
			for range 2 {
				more(&ok, "are answered")
				kill()
				more(&failed, "fail")
				_, kill = p.serve(t, strings.TrimPrefix(n.Address, "127.0.0.1:"))
			}
			more(&ok, "are answered")
			close(end)
			bounded.Wait(t, callers.Wait)
			t.Logf("%d calls were answered, %d failed", ok.Load(), failed.Load())
		})
	}
}
