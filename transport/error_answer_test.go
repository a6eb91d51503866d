package transport_test

import (
	"context"
	"errors"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// setting is a plug-in that sets the error of an error answer instead of returning it.
type setting struct{ native.Protocol }

func (p setting) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.Protocol.ParseResponse(frame, resp)
	if errors.As(err, &resp.Err) {
		return nil
	}
	return err
}

// TestErrorAnswersReachHooksAndCallers: however the plug-in says it, an error answer is no
// success, and the hooks of ClientAfter see what the caller gets.
func TestErrorAnswersReachHooksAndCallers(t *testing.T) {
	for name, p := range map[string]transport.ServerProtocol{"returned": native.Protocol{}, "set": setting{}} {
		s := serveProtocol(t, p, map[string]*transport.Server{
			"Good":    rawServer(echo),
			"Refuses": rawServer(func(context.Context, any) (any, error) { return nil, transport.Business(402, "insufficient funds") }),
		})
		for _, method := range []string{"Good", "Refuses", "Nowhere"} {
			var seen []*transport.Error
			c := transport.NewClient(newPool(t), s.node, p, method, transport.EncodeBytes, transport.DecodeBytes,
				transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
					seen = append(seen, m.Err)
					return ctx
				}))
			_, err := c.Endpoint()(testContext(t), []byte("x"))
			var e *transport.Error
			if errors.As(err, &e) == (method == "Good") || len(seen) != 1 || seen[0] != e {
				t.Fatalf("%s, %s: the caller gets %v, the hooks see %v", name, method, err, seen)
			}
			if e != nil && (!e.Remote || e.Node != s.node || e.Method != method) {
				t.Errorf("%s, %s: %+v", name, method, e)
			}
		}
	}
}

// TestErrorAnswersThatBearAResponse: of the business's no the body may be the response that says so, to
// whoever can read it there; of other errors it is nothing of the kind.
func TestErrorAnswersThatBearAResponse(t *testing.T) {
	boom := errors.New("boom")
	failed, good := stock{Err: "no stock"}, stock{Left: 3}
	for _, row := range []struct {
		name     string
		code     transport.Code
		body     string
		decoded  stock
		err      error
		response bool
	}{
		{"a response that has failed", transport.CodeBusiness, "x", failed, nil, true},
		{"one that has not", transport.CodeBusiness, "x", good, nil, false},
		{"one that cannot be read", transport.CodeBusiness, "x", failed, boom, false},
		{"no body", transport.CodeBusiness, "", failed, nil, false},
		{"of another error", transport.CodeInternal, "x", failed, nil, false},
	} {
		frame, err := native.Protocol{}.AppendResponse(nil, 7, &transport.Message{},
			&transport.Message{Err: &transport.Error{Code: row.code, Message: "no"}, Body: []byte(row.body)})
		if err != nil {
			t.Fatal(err)
		}
		pool := getFunc(func(context.Context, string, string, muxpool.GetOptions) (muxpool.MuxConn, error) {
			return &pieceByPiece{frames: [][]byte{frame}}, nil
		})
		dec := func(context.Context, *transport.Message) (any, error) { return row.decoded, row.err }
		got, err := transport.NewClient(pool, pipeNode, native.Protocol{}, "M", transport.EncodeBytes, dec).Endpoint()(testContext(t), []byte{})
		if row.response {
			if err != nil || got != row.decoded {
				t.Errorf("%s: %v, %v, want the response", row.name, got, err)
			}
		} else if e := asError(t, err); got != nil || e.Code != row.code || !e.Remote || e.Message != "no" {
			t.Errorf("%s: %v, %v, want the error", row.name, got, err)
		}
	}
}

// TestCodesOfAPoolsErrors: that the caller may not is passed on, from a pool that says that it is the
// caller's fault, and so is that time is over, or something too large; the rest is the connection's.
func TestCodesOfAPoolsErrors(t *testing.T) {
	for _, row := range []struct {
		said  verdict.Code
		whose verdict.Whose
		want  transport.Code
	}{
		{verdict.CodeUnauthenticated, verdict.Caller, transport.CodeUnauthenticated},
		{verdict.CodePermissionDenied, verdict.Caller, transport.CodePermissionDenied},
		{verdict.CodeUnauthenticated, verdict.Path, transport.CodeConnection},
		{verdict.CodePermissionDenied, verdict.Path, transport.CodeConnection},
		{verdict.CodeNotFound, verdict.Caller, transport.CodeConnection},
		{verdict.CodeUnavailable, verdict.Method, transport.CodeConnection},
		{verdict.CodeTooLarge, verdict.Caller, transport.CodeTooLarge},
		{verdict.CodeCanceled, verdict.Nobody, transport.CodeCanceled},
		{verdict.CodeDeadlineExceeded, verdict.Method, transport.CodeDeadlineExceeded},
	} {
		said := verdict.Verdict{Code: row.said, Whose: row.whose}
		pool := getFunc(func(context.Context, string, string, muxpool.GetOptions) (muxpool.MuxConn, error) {
			return nil, verdict.Tell(errors.New("no"), said)
		})
		_, err := rawClient(pool, pipeNode, "M")(testContext(t), []byte{})
		if e, v := asError(t, err), verdict.Of(err); e.Code != row.want || v.Whose != row.whose || v.Ran != verdict.NotSent || e.Sent() {
			t.Errorf("%v becomes %v, want %v", said, v, row.want)
		}
	}
}
