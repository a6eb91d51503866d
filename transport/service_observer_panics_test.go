package transport_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
)

// TestPanicsOfObserversAreReported: at the beginning of a call and at its end, and the call goes on.
func TestPanicsOfObserversAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports := make(chan error, 9)
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, reportTo(reports), transport.ServiceObserve(
			func(context.Context, transport.ObservedCall) (context.Context, func(*transport.Message)) {
				panic("at first")
			},
			func(context.Context, transport.ObservedCall) (context.Context, func(*transport.Message)) {
				return nil, func(*transport.Message) { panic("in the end") }
			},
			func(ctx context.Context, _ transport.ObservedCall) (context.Context, func(*transport.Message)) {
				return ctx, nil
			}))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		if err := callOnce(t, nc); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for _, want := range []string{"at first", "in the end"} {
			if err := bounded.Receive(t, reports); !errors.Is(err, transport.ErrPanicked) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("reported as %v, want %q", err, want)
			}
		}
		if len(reports) != 0 {
			t.Errorf("and then: %v", bounded.Receive(t, reports))
		}
	})
}
