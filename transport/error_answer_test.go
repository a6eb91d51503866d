package transport_test

import (
	"context"
	"errors"
	"testing"

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
