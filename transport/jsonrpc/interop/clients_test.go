package interop

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

func TestNodeAgainstService(t *testing.T) {
	type object = map[string]any
	type list = []any
	fails := func(number float64, text string, data any) object {
		e := object{"code": number, "message": text}
		if data != nil {
			e["data"] = data
		}
		return object{"error": e}
	}
	notRun := object{transport.MetadataNotRun: "1"}
	common := list{
		object{"result": object{"nonce": `a"]}`}}, object{"result": "text"}, object{"result": nil},
		fails(402, "insufficient funds", object{"missing": 7.0}),
		fails(-32603, "internal error", nil),
		fails(-32601, "Method not found", notRun),
		object{"result": list{1.0, 2.0, 3.0}},
		fails(-32014, "come again", object{transport.MetadataCode: "14", transport.MetadataRetryAfter: "250"}),
	}
	batch2 := list{object{"result": 1.0}, fails(-32601, "Method not found", notRun)}
	want := map[peer]list{
		npm2: append(common[:8:8], object{"result": object{"named": true}}, batch2, object{"wrong": 0.0}),
		jayson2: append(common[:8:8], object{"result": "own id"}, list{
			object{"result": 1.0}, fails(-32601, "Method not found", notRun)}),
		jayson1: {
			object{"result": object{"nonce": `a"]}`}}, object{"result": "text"}, object{"result": object{}},
			object{"error": "business: insufficient funds"}, object{"error": "internal: internal error"},
			object{"error": "rpc: can't find method Nowhere"}, object{"result": list{1.0, 2.0, 3.0}}, object{"error": "unavailable: come again"},
			object{"result": "own id"}},
	}
	for p, want := range want {
		t.Run(p.String(), func(t *testing.T) {
			told := make(chan string, 2)
			address := serveMethods(t, told)
			got := p.call(t, address)
			for i := range max(len(got), len(want)) {
				var g, w any
				if i < len(got) {
					g = plain(got[i])
				}
				if i < len(want) {
					w = want[i]
				}
				if !reflect.DeepEqual(g, w) {
					t.Errorf("outcome %d: %v, want %v", i, g, w)
				}
			}
			if p == jayson2 {
				expect(t, told, `"in a batch"`)
			}
			expect(t, told, `"a notification"`)
		})
	}
}

// plain is an outcome without what answers in a batch have beside it.
func plain(outcome any) any {
	all, ok := outcome.([]any)
	if !ok {
		return outcome
	}
	for _, one := range all {
		o := one.(map[string]any)
		delete(o, "jsonrpc")
		delete(o, "id")
	}
	return all
}

func expect(t *testing.T, told <-chan string, want string) {
	t.Helper()
	if got := bounded.Receive(t, told); got != want {
		t.Errorf("told %s, not %s", got, want)
	}
}

// serveMethods serves what the peers call, and returns where.
func serveMethods(t *testing.T, told chan<- string) string {
	t.Helper()
	s := transport.NewService(jsonrpc.Protocol{})
	handle := func(name string, f func(any) (any, error), options ...transport.ServerOption) {
		s.Handle(name, transport.NewServer(func(_ context.Context, r any) (any, error) { return f(r) }, transport.DecodeBytes, transport.EncodeBytes, options...))
	}
	handle("Echo", func(r any) (any, error) { return r, nil }, transport.ServerInline()) // in a batch: in order
	handle("Nothing", func(any) (any, error) { return []byte(nil), nil })
	handle("Broken", func(any) (any, error) { panic("boom") }, transport.ServerErrorHandler(silent{}))
	handle("Busy", func(any) (any, error) {
		return nil, &transport.Error{Code: transport.CodeUnavailable, Message: "come again", RetryAfter: 250 * time.Millisecond}
	})
	handle("Tell", func(r any) (any, error) { told <- string(r.([]byte)); return r, nil })
	handle("Refuse", func(any) (any, error) { return nil, errors.New("refused") },
		transport.ServerErrorEncoder(func(_ context.Context, _ error, resp *transport.Message) {
			resp.Err, resp.Body = transport.Business(402, "insufficient funds"), []byte(`{"missing":7}`)
		}), transport.ServerErrorHandler(silent{}))
	return peertest.Serve(t, s, "127.0.0.1:0", transport.ErrServiceClosed)
}

type silent struct{}

func (silent) Handle(context.Context, error) {}
