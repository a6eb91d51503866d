package interop

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/callertest"
	"github.com/muxkit/muxkit/internal/peertest"
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
	*callertest.Caller
}

func newCaller(t *testing.T, p peer, n transport.Node) caller {
	t.Helper()
	return caller{p, callertest.New(t, n.Address, callertest.Protocol{Protocol: p.protocol()}, muxpool.WithConnectNumber(2))}
}

// late is the answer to a nonce that comes after a while, out of order.
func (c caller) late(nonce string) (string, error) {
	const before, behind = `{"nonce":"`, `"}`
	sent := before + nonce + behind
	got, err := c.Patient("late", sent)
	if err != nil {
		return "", err
	}
	if got != c.params(sent) {
		return got, nil
	}
	return nonce, nil
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
				if got, err := c.Patient("echo", body); err != nil || got != p.params(body) {
					t.Errorf("%s: got %s, %v, want %s", body, got, err, p.params(body))
				}
			}
			if got, err := c.Patient("nothing", `[]`); err != nil || got != "null" {
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
				_, err := c.Patient(method, `[]`, transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
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
			if _, err := c.Patient("told", `"one-way"`, transport.ClientOneWay()); err != nil {
				t.Error(err)
			}
			for start := time.Now(); ; time.Sleep(time.Millisecond) { // it may answer what comes later first
				got, err := c.Patient("tell", `[]`)
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
			call := func() {
				nonce := peertest.Nonce()
				if got, err := c.late(nonce); err != nil || got != nonce {
					t.Errorf("%s: got %s, %v", nonce, got, err)
				}
			}
			left := peertest.Crowd(t, call, func(ctx context.Context) bool {
				_, err := c.CallWith(ctx, "never", `[]`)
				return errors.Is(err, context.Canceled)
			})
			if left != 200 {
				t.Errorf("%d callers left, not 200", left)
			}
		})
	}
}

func TestNodeIsKilledAndComesBack(t *testing.T) {
	for _, p := range []peer{jayson2, npm2} {
		t.Run(p.String(), func(t *testing.T) {
			n, kill := p.serve(t, "0")
			peertest.KillTwice(t, newCaller(t, p, n).late, kill, func() func() {
				_, kill := p.serve(t, strings.TrimPrefix(n.Address, "127.0.0.1:"))
				return kill
			})
		})
	}
}
