package breaker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

// Who comes to a node after the pool has told of it finds it as the others do: out after
// it was given up, for whatever reason speaks against it, and in after anything less.
func TestWhoComesLaterFindsTheNodeAsItIs(t *testing.T) {
	for _, c := range []struct {
		kind   muxpool.EventKind
		reason muxpool.Reason
		out    bool
	}{
		{muxpool.NodeExpelled, muxpool.ReasonDialFailed, true},
		{muxpool.ReconnectLimit, muxpool.ReasonReconnectLimit, true},
		{muxpool.NodeExpelled, muxpool.ReasonPeerClosed, false},
		{muxpool.ConnDown, muxpool.ReasonKeepAliveTimeout, false},
		{muxpool.ConnDown, muxpool.ReasonStalled, false},
		{muxpool.DialFailed, muxpool.ReasonDialFailed, false},
	} {
		bubble(t, nil, func(f *fixture) {
			f.emit(nodeA, c.kind, c.reason, errSick)
			_, err := f.Scope("later").Guard(breaker.Target{Node: nodeA}).Middleware()(endpoint.Nop)(context.Background(), nil)
			if out := errors.As(err, new(*breaker.OpenError)); out != c.out || !out && err != nil {
				t.Errorf("after %v, %v: %v; out %v is wanted", c.kind, c.reason, err, c.out)
			}
		})
	}
}
