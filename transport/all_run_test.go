package transport_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// noted are the functions of a call that were run.
type noted struct {
	mu  sync.Mutex
	all []string
}

func (n *noted) note(what string, i int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, fmt.Sprint(what, " ", i))
}

// Of a call's finalizers and observers all run, in their order, also if those of the middle panic or
// end their goroutine.
func TestWhoEndsACallDeafensNobody(t *testing.T) {
	for name, end := range map[string]func(){"panics": func() { panic("boom") }, "ends its goroutine": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n noted
				of := func(what string, i int) {
					if n.note(what, i); i == 1 {
						end()
					}
				}
				var server []transport.ServerOption
				var client []transport.ClientOption
				var service []transport.ServiceOption
				var want []string
				for i := range 3 {
					server = append(server, transport.ServerFinalizer(func(context.Context, error) { of("server", i) }))
					client = append(client, transport.ClientFinalizer(func(context.Context, error) { of("client", i) }))
					service = append(service, transport.ServiceObserve(func(ctx context.Context, _ transport.ObservedCall) (context.Context, func(*transport.Message)) {
						return ctx, func(*transport.Message) { of("observed", i) }
					}))
					want = append(want, fmt.Sprint("client ", i), fmt.Sprint("observed ", i), fmt.Sprint("server ", i))
				}
				p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo, server...)}, service...)
				defer stop()
				pool, err := muxpool.New(muxpool.WithDialContext(p.DialContext))
				if err != nil {
					t.Fatal(err)
				}
				defer pool.Close()
				call := transport.NewClient(pool, pipeNode, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes, client...).Endpoint()
				go func() {
					defer func() { _ = recover() }()
					_, _ = call(testContext(t), []byte("x"))
				}()
				synctest.Wait()
				slices.Sort(want)
				if slices.Sort(n.all); !slices.Equal(n.all, want) {
					t.Errorf("run are %q, want %q", n.all, want)
				}
			})
		})
	}
}

// An observer that ends the goroutine at the beginning of a call ends the call; those that were told of
// it hear of the end.
func TestObserversHearOfACallThatOneOfThemEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n noted
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceObserve(
			func(ctx context.Context, _ transport.ObservedCall) (context.Context, func(*transport.Message)) {
				n.note("begun", 0)
				return ctx, func(answer *transport.Message) {
					if n.note("ended", 0); answer != nil {
						t.Errorf("with an answer: %+v", answer)
					}
				}
			},
			func(ctx context.Context, _ transport.ObservedCall) (context.Context, func(*transport.Message)) {
				runtime.Goexit()
				return ctx, nil
			}))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		for range readAll(nc) {
			t.Error("answered")
		}
		synctest.Wait()
		if want := []string{"begun 0", "ended 0"}; !slices.Equal(n.all, want) {
			t.Errorf("%q, want %q", n.all, want)
		}
	})
}
