package transport_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// batch are the frames of n requests, for one write. The bodies are their ids.
func batch(t *testing.T, n int, method string) (frames []byte) {
	for id := range uint32(n) {
		frames = append(frames, request(t, id+1, method, fmt.Sprint(id+1))...)
	}
	return frames
}

// collect takes n answers and checks that each body is its id.
func collect(t *testing.T, answers <-chan answer, n int) (ids []uint32) {
	t.Helper()
	for range n {
		a := bounded.Receive(t, answers)
		if a.err != nil || a.body != fmt.Sprint(a.id) {
			t.Fatalf("got %+v", a)
		}
		ids = append(ids, a.id)
	}
	return ids
}

// Requests that came in one read run side by side as soon as they block, wherever the
// batch was cut.
func TestBlockedHandlersDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 500
		release, running := make(chan struct{}), make(chan struct{}, n)
		p, _, stop := servePipes(t, map[string]*transport.Server{
			"Block": rawServer(func(_ context.Context, r any) (any, error) {
				running <- struct{}{}
				<-release
				return r, nil
			}),
			"Echo": rawServer(echo)})
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		frames := append(batch(t, n, "Block"), request(t, n+1, "Echo", fmt.Sprint(n+1))...)
		if _, err := nc.Write(frames); err != nil {
			t.Fatal(err)
		}
		if ids := collect(t, answers, 1); ids[0] != n+1 {
			t.Errorf("the first answer is %d's", ids[0])
		}
		synctest.Wait()
		if len(running) != n {
			t.Errorf("%d handlers are running, not %d", len(running), n)
		}
		if _, err := nc.Write(request(t, n+2, "Echo", fmt.Sprint(n+2))); err != nil { // reading goes on
			t.Fatal(err)
		}
		collect(t, answers, 1)
		close(release)
		ids := collect(t, answers, n)
		slices.Sort(ids)
		if len(slices.Compact(ids)) != n {
			t.Error("a call was answered twice")
		}
		nc.Close()
	})
}

// Half a frame that does not come on holds up nothing that came before it.
func TestCallsBeforeHalfAFrameAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"Echo": rawServer(echo)})
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		frames := batch(t, 21, "Echo")
		cut := len(frames) - 5
		if _, err := nc.Write(frames[:cut]); err != nil {
			t.Fatal(err)
		}
		collect(t, answers, 20)
		if _, err := nc.Write(frames[cut:]); err != nil {
			t.Fatal(err)
		}
		collect(t, answers, 1)
		nc.Close()
	})
}

// An inline handler that takes its time holds up reading, and nothing that was read.
func TestCallsBeforeAnInlineOneAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p, _, stop := servePipes(t, map[string]*transport.Server{
			"Echo": rawServer(echo),
			"Inline": rawServer(func(_ context.Context, r any) (any, error) {
				<-release
				return r, nil
			}, transport.ServerInline())})
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		if _, err := nc.Write(append(batch(t, 20, "Echo"), request(t, 21, "Inline", "21")...)); err != nil {
			t.Fatal(err)
		}
		collect(t, answers, 20)
		close(release)
		collect(t, answers, 1)
		nc.Close()
	})
}

// A handler that ends its goroutine fails its own call and nothing else: that is answered,
// as after a panic, the error handler hears of it, and its finalizers run; the rest of its batch is served, reading goes
// on, and Shutdown does not wait for it.
func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	for name, tc := range map[string]struct {
		server  []transport.ServerOption
		service []transport.ServiceOption
	}{
		"default": {},
		"workers": {service: []transport.ServiceOption{transport.ServiceWorkers(2)}},
		"inline":  {server: []transport.ServerOption{transport.ServerInline()}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctxs, finalized, handled := make(chan context.Context, 100), make(chan error, 100), make(chan error, 100)
				tc.server = append(tc.server, transport.ServerFinalizer(func(_ context.Context, err error) { finalized <- err }),
					transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { handled <- err })))
				p, s, stop := servePipes(t, map[string]*transport.Server{
					"Exit": rawServer(func(ctx context.Context, r any) (any, error) {
						ctxs <- ctx
						runtime.Goexit()
						return r, nil
					}, tc.server...),
					"Echo": rawServer(echo)}, tc.service...)
				defer stop()
				nc := p.dial(t)
				answers := readAll(nc)
				var frames []byte
				for id := uint32(1); id <= 40; id += 2 {
					frames = append(frames, request(t, id, "Echo", fmt.Sprint(id))...)
					frames = append(frames, request(t, id+1, "Exit", "")...)
				}
				if _, err := nc.Write(frames); err != nil {
					t.Fatal(err)
				}
				answered := map[uint32]bool{}
				for range 40 {
					a := bounded.Receive(t, answers)
					var e *transport.Error
					switch exits := a.id%2 == 0; {
					case answered[a.id]:
						t.Errorf("%d is answered twice", a.id)
					case !exits && (a.err != nil || a.body != fmt.Sprint(a.id)):
						t.Errorf("got %+v", a)
					case exits && (!errors.As(a.err, &e) || e.Code != transport.CodeInternal || e.NotRun):
						t.Errorf("a call that ended its goroutine: %+v", a)
					}
					answered[a.id] = true
				}
				synctest.Wait()
				if len(ctxs) != 20 || len(finalized) != 20 || len(handled) != 20 {
					t.Errorf("%d of the handlers ran, and %d finalizers; %d errors were handled", len(ctxs), len(finalized), len(handled))
				}
				if err := bounded.Receive(t, handled); !strings.Contains(err.Error(), "ended its goroutine") {
					t.Errorf("the error handler got %v", err)
				}
				if err := bounded.Receive(t, finalized); err == nil {
					t.Error("a finalizer was told of no error")
				}
				if ctx := bounded.Receive(t, ctxs); ctx.Err() != context.Canceled {
					t.Errorf("the context of a call that ended: %v", ctx.Err())
				}
				go func() {
					for range answers {
					}
					nc.Close()
				}()
				start := time.Now()
				if err := s.Shutdown(context.Background()); err != nil || time.Since(start) > 2*time.Second {
					t.Errorf("Shutdown: %v after %v", err, time.Since(start))
				}
				nc.Close()
			})
		})
	}
}

// What a handler keeps of a call, its context, is that call's for ever, although the
// rest is used again. The same holds for the body.
func TestServerContextAndBodyMayBeKept(t *testing.T) {
	type kept struct {
		ctx  context.Context
		body []byte
		id   string
	}
	synctest.Test(t, func(t *testing.T) {
		var all []kept
		handler := func(ctx context.Context, r any) (any, error) {
			all = append(all, kept{ctx, r.([]byte), string(r.([]byte))})
			return r, nil
		}
		p, _, stop := servePipes(t, map[string]*transport.Server{"A": rawServer(handler), "B": rawServer(handler)})
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		for id := range uint32(100) {
			frame, err := native.Protocol{}.AppendRequest(nil, id+1, &transport.Message{Method: string(rune('A' + id%2)),
				Body: []byte(fmt.Sprint(id + 1)), Timeout: time.Duration(id+1) * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nc.Write(frame); err != nil {
				t.Fatal(err)
			}
			collect(t, answers, 1)
			if _, err := nc.Write(native.Protocol{}.AppendCancel(nil, id+1)); err != nil { // too late
				t.Fatal(err)
			}
		}
		synctest.Wait()
		start := time.Now()
		for i, k := range all {
			method, _ := k.ctx.Value(transport.ContextKeyMethod).(string)
			deadline, _ := k.ctx.Deadline()
			if string(k.body) != k.id || method != string(rune('A'+i%2)) || k.ctx.Err() != context.Canceled ||
				deadline.Sub(start) != time.Duration(i+1)*time.Second {
				t.Errorf("call %d became %s, body %s, deadline in %v, %v", i+1, method, k.body, deadline.Sub(start), k.ctx.Err())
			}
		}
		nc.Close()
	})
}

// The same on a client, for the contexts of hooks and codecs.
func TestClientContextAndBodyMayBeKept(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"A": rawServer(echo), "B": rawServer(echo)})
	pool := newPool(t)
	var before, after []context.Context
	options := []transport.ClientOption{
		transport.ClientBefore(func(ctx context.Context, _ *transport.Message) context.Context {
			before = append(before, ctx)
			return ctx
		}),
		transport.ClientAfter(func(ctx context.Context, _ *transport.Message) context.Context {
			after = append(after, ctx)
			return ctx
		})}
	var bodies [][]byte
	const n = 100
	for i := range n {
		body := slices.Repeat([]byte{byte(i)}, i+1)
		got, err := rawClient(pool, s.node, string(rune('A'+i%2)), options...)(testContext(t), body)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, got.([]byte))
	}
	base := before[0]
	for i := range n {
		method := string(rune('A' + i%2))
		if len(bodies[i]) != i+1 || bodies[i][i] != byte(i) {
			t.Errorf("the body of call %d became %x", i, bodies[i])
		}
		for _, ctx := range []context.Context{before[i], after[i]} {
			if ctx.Value(transport.ContextKeyMethod) != method || ctx.Value(transport.ContextKeyNode) != s.node || ctx.Err() != nil {
				t.Errorf("a context of call %d became %v's", i, ctx.Value(transport.ContextKeyMethod))
			}
		}
		if size := after[i].Value(transport.ContextKeyResponseBytes); size != after[0].Value(transport.ContextKeyResponseBytes).(int)+i {
			t.Errorf("the answer of call %d had %v bytes", i, size)
		}
		if base.Value(transport.ContextKeyRequestBytes) != nil {
			t.Error("a context changed after it was handed out")
		}
	}
	if errors.Is(context.Cause(base), context.Canceled) {
		t.Error("a context that was kept has ended")
	}
}
