package endpoint

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"
	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
)

// Two services of one group speak different protocols. When both come back, each one's nodes are asked by
// its own Clients: no call is needed, and no server hears what it does not understand.
func TestServicesOfOneGroupAreProbedInTheirOwnProtocols(t *testing.T) {
	villagers(t, sd.FixedInstancer{"a:1"}, func(t *testing.T, first *household) {
		second := *first
		second.speaks = jsonrpc.Protocol{}
		second.set = NewSet(sd.FixedInstancer{"b:1"}, nil, WithBreakers(first.breakers))
		defer second.set.Close()
		first.speaks = native.Protocol{}
		heard := make(chan error, 8)
		reports := transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { heard <- err }))
		both := map[string]*household{"a:1": first, "b:1": &second}
		for address, h := range both {
			call := h.method("Echo")
			_, stop := h.serveIn(h.speaks, address, h.methods)
			if err := call(t.Context()); err != nil {
				t.Fatal(address, err)
			}
			stop()
			h.out(t, call)
		}
		time.Sleep(10 * time.Second)
		for address, h := range both {
			_, stop := h.serveIn(h.speaks, address, h.methods, reports)
			defer stop()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for _, h := range both {
			h.allBack(t)
		}
		select {
		case err := <-heard:
			t.Errorf("a server was told what it does not understand: %v", err)
		default:
		}
	})
}
