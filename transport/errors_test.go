package transport_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// TestTextOfErrors: one line, in which the node's name stands once.
func TestTextOfErrors(t *testing.T) {
	node, other := transport.Node{Network: "tcp", Address: "10.0.0.1:80"}, transport.Node{Network: "tcp", Address: "10.0.0.2:80"}
	for _, row := range []struct {
		err  *transport.Error
		want string
	}{
		{&transport.Error{Code: transport.CodeNotFound}, "not found"},
		{&transport.Error{Code: transport.CodeNotFound, Message: "no such item"}, "not found: no such item"},
		{&transport.Error{Code: transport.CodeNotFound, Status: -1}, "not found (status -1)"},
		{&transport.Error{Code: transport.CodeNotFound, Method: "Get"}, "Get: not found"},
		{&transport.Error{Code: transport.CodeNotFound, Method: strings.Repeat("m", 80)}, strings.Repeat("m", 80) + ": not found"},
		{&transport.Error{Code: transport.CodeNotFound, Method: strings.Repeat("m", 81)}, strings.Repeat("m", 80) + "...: not found"},
		{&transport.Error{Code: transport.CodeNotFound, Node: node}, "tcp://10.0.0.1:80: not found (caller, maybe ran)"},
		{&transport.Error{Code: transport.CodeBusiness, Status: 7, Node: node, Method: "Get", Remote: true, NoRetry: true, RetryAfter: time.Second, Message: "no"},
			"Get on tcp://10.0.0.1:80: business (status 7; caller, ran, retry after 1s, do not retry): no"},
		{&transport.Error{Code: transport.CodeConnection, Node: node, Method: "Get", Err: &muxpool.Error{Op: "read", Node: node, Err: muxpool.ErrPoolClosed}},
			"Get on tcp://10.0.0.1:80: connection (path, maybe ran): read: pool closed"},
		{&transport.Error{Code: transport.CodeConnection, Node: node, Method: "Get", Err: &muxpool.Error{Op: "get", Node: other, Err: muxpool.ErrPoolClosed}},
			"Get on tcp://10.0.0.1:80: connection (path, maybe ran): get tcp://10.0.0.2:80 (not sent): muxpool: pool closed"},
		{&transport.Error{Code: transport.CodeEncode, Node: node, Err: errors.New("asking tcp://10.0.0.1:80: no")}, "tcp://10.0.0.1:80: encode (caller, maybe ran): asking: no"},
		{&transport.Error{Code: transport.CodeEncode, Message: "no", Err: errors.New("asking tcp://10.0.0.1:80: no")}, "encode: no: asking tcp://10.0.0.1:80: no"},
		{&transport.Error{Code: transport.CodeInternal, Err: errors.New("two\nlines")}, `internal: "two\nlines"`},
	} {
		if got := row.err.Error(); got != row.want {
			t.Errorf("%+v\nsays %s\nwant %s", row.err, got, row.want)
		}
	}
}

// TestWhatAnErrorIs: one that says that time is over is context.DeadlineExceeded and a timeout, and
// nothing else is; the business's no is that alone.
func TestWhatAnErrorIs(t *testing.T) {
	for _, code := range traveling() {
		err := fmt.Errorf("wrapped: %w", &transport.Error{Code: code})
		late := code == transport.CodeDeadlineExceeded
		if errors.Is(err, context.DeadlineExceeded) != late || asError(t, err).Timeout() != late {
			t.Errorf("%v is that time is over: %v", err, !late)
		}
		if errors.Is(err, context.Canceled) || errors.Is(err, transport.ErrPanicked) {
			t.Errorf("%v is something else, too", err)
		}
		if e := asError(t, err); e.Business() != (code == transport.CodeBusiness) {
			t.Errorf("%v is of the business: %v", err, e.Business())
		}
	}
	if p := (&transport.PanicError{Value: "boom"}); !errors.Is(p, transport.ErrPanicked) || errors.Is(p, context.Canceled) || p.StatusCode() != 500 {
		t.Errorf("a panic is %v, with the status %d", p, p.StatusCode())
	}
}

// TestReadyCodecsRefuse what they cannot do, and go on.
func TestReadyCodecsRefuse(t *testing.T) {
	ctx := context.Background()
	var m transport.Message
	if err := transport.EncodeJSON(ctx, &m, make(chan int)); err == nil {
		t.Error("a channel is JSON")
	}
	if err := transport.EncodeJSON(ctx, &m, stock{Left: 3}); err != nil || string(m.Body) != `{"left":3}` {
		t.Errorf("and then a value is %s, %v", m.Body, err)
	}
	for _, body := range []string{"", "{", `{"left":"three"}`} {
		if got, err := transport.DecodeJSON[stock](ctx, &transport.Message{Body: []byte(body)}); err == nil || got != nil {
			t.Errorf("%q is %v, %v", body, got, err)
		}
	}
	if err := transport.EncodeBytes(ctx, &m, "text"); err == nil || !strings.Contains(err.Error(), "EncodeBytes got a string, not a []byte") {
		t.Errorf("a string: %v", err)
	}
}
