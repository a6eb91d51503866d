package transport_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

type observedKey struct{}

// observed notes what an observer was told, in words.
type observed struct {
	mu    sync.Mutex
	lines []string
}

func (o *observed) observe(ctx context.Context, call transport.ObservedCall) (context.Context, func(*transport.Message)) {
	return context.WithValue(ctx, observedKey{}, call.Metadata["who"]), func(answer *transport.Message) {
		how := "not answered"
		if answer != nil {
			if how = "ok"; answer.Err != nil {
				how = fmt.Sprint(answer.Err.Code, " unrun=", answer.Err.NotRun)
			}
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.lines = append(o.lines, fmt.Sprintf("%s known=%v: %s", call.Method, call.Known, how))
	}
}

func (o *observed) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.lines
	o.lines = nil
	return lines
}

// Each call is observed once, however it ends, and what an observer puts into the context
// is there for the endpoint. One that panics does no harm.
func TestEachCallIsObservedOnce(t *testing.T) {
	for _, inline := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var o observed
			var options []transport.ServerOption
			if inline {
				options = append(options, transport.ServerInline())
			}
			block := make(chan struct{})
			p, _, stop := servePipes(t, map[string]*transport.Server{
				"M": rawServer(func(ctx context.Context, r any) (any, error) {
					switch string(r.([]byte)) {
					case "business":
						return nil, transport.Business(7, "no")
					case "unimplemented":
						return nil, &transport.Error{Code: transport.CodeUnimplemented}
					case "panic":
						panic("boom")
					case "exit":
						runtime.Goexit()
					case "who":
						return []byte(ctx.Value(observedKey{}).(string)), nil
					}
					return r, nil
				}, options...),
				"Block": rawServer(func(context.Context, any) (any, error) { <-block; return []byte{}, nil }),
			}, transport.ServiceObserve(
				func(context.Context, transport.ObservedCall) (context.Context, func(*transport.Message)) {
					panic("begin")
				},
				o.observe,
				func(context.Context, transport.ObservedCall) (context.Context, func(*transport.Message)) {
					return nil, func(*transport.Message) { panic("end") }
				}), transport.ServiceMaxInFlight(1, 1))
			defer stop()
			nc := p.dial(t)
			answers := readAll(nc)
			id := uint32(0)
			send := func(m *transport.Message) {
				id++
				frame, err := native.Protocol{}.AppendRequest(nil, id, m)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := nc.Write(frame); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			for _, c := range []struct {
				m    transport.Message
				want string
			}{
				{transport.Message{Method: "M"}, "M known=true: ok"},
				{transport.Message{Method: "M", OneWay: true}, "M known=true: ok"},
				{transport.Message{Method: "M", Body: []byte("business")}, "M known=true: business unrun=false"},
				{transport.Message{Method: "M", Body: []byte("unimplemented")}, "M known=true: unimplemented unrun=false"},
				{transport.Message{Method: "M", Body: []byte("panic")}, "M known=true: internal unrun=false"},
				{transport.Message{Method: "N"}, "N known=false: unimplemented unrun=true"},
				{transport.Message{Method: "M", Body: []byte("who"), Metadata: transport.Metadata{"who": "me"}}, "M known=true: ok"},
			} {
				send(&c.m)
				if got := o.take(); !slices.Equal(got, []string{c.want}) {
					t.Errorf("%s %s (inline %v) is observed as %q, want %q", c.m.Method, c.m.Body, inline, got, c.want)
				}
				if string(c.m.Body) == "who" {
					for len(answers) > 1 {
						bounded.Receive(t, answers)
					}
					if a := bounded.Receive(t, answers); a.body != "me" {
						t.Errorf("the endpoint saw %q", a.body)
					}
				}
			}
			send(&transport.Message{Method: "Block"})
			send(&transport.Message{Method: "M"})
			if got := o.take(); !slices.Equal(got, []string{"M known=true: resource exhausted unrun=true"}) {
				t.Errorf("beyond the limit: %q", got)
			}
			close(block)
			synctest.Wait()
			if got := o.take(); !slices.Equal(got, []string{"Block known=true: ok"}) {
				t.Errorf("the call that was under way: %q", got)
			}
			send(&transport.Message{Method: "M", Body: []byte("exit")})
			if got := o.take(); !slices.Equal(got, []string{"M known=true: internal unrun=false"}) {
				t.Errorf("of a call that ended its goroutine: %q", got)
			}
		})
	}
	if err := transport.NewService(native.Protocol{}, transport.ServiceObserve(nil)).Err(); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("a nil observer: %v", err)
	}
}

// What the context says is carried beside a request: over what hooks have put there, and
// without a change of anybody's map. The transport's own words it cannot be.
func TestContextKeyMetadataTravels(t *testing.T) {
	for name, p := range marking {
		got := make(chan transport.Metadata, 1)
		s := serveProtocol(t, p, map[string]*transport.Server{"/s/M": rawServer(echo, transport.ServerBefore(
			func(ctx context.Context, m *transport.Message) context.Context {
				got <- maps.Clone(m.Metadata)
				return ctx
			}))})
		hooks, mine := transport.Metadata{"a": "hook", "b": "hook"}, transport.Metadata{"b": "context", "c": "context", transport.MetadataAttempt: "9"}
		for _, call := range []func(context.Context, any) (any, error){
			clientOf(t, p, s.node, "/s/M"),
			clientOf(t, p, s.node, "/s/M", transport.ClientBefore(func(ctx context.Context, m *transport.Message) context.Context {
				m.Metadata = hooks
				return ctx
			})),
		} {
			if _, err := call(context.WithValue(testContext(t), transport.ContextKeyMetadata, mine), []byte{}); err != nil {
				t.Fatal(err)
			}
			md := wait(t, "the call", got)
			if md["b"] != "context" || md["c"] != "context" || md[transport.MetadataAttempt] != "" {
				t.Errorf("%s: %v arrives", name, md)
			}
		}
		if len(hooks) != 2 || hooks["b"] != "hook" || len(mine) != 3 {
			t.Errorf("%s: the user's own maps were changed: %v, %v", name, hooks, mine)
		}
	}
}
