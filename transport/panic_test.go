package transport_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/transport"
)

func TestPanicFailsThatCallOnly(t *testing.T) {
	const secret = "the secret of the panic"
	boom := errors.New("boom")
	handled := make(chan error, 4)
	h := transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { handled <- err }))
	panics := func(context.Context, *transport.Message) context.Context { panic(secret) }
	fails := func(context.Context, any) (any, error) { return nil, boom }
	methods := map[string]*transport.Server{
		"endpoint": rawServer(func(context.Context, any) (any, error) { panic(secret) }, h),
		"inline":   rawServer(func(context.Context, any) (any, error) { panic(secret) }, h, transport.ServerInline()),
		"decoder": transport.NewServer(echo, func(context.Context, *transport.Message) (any, error) { panic(secret) },
			transport.EncodeBytes, h),
		"encoder": transport.NewServer(echo, transport.DecodeBytes,
			func(context.Context, *transport.Message, any) error { panic(secret) }, h),
		"before": rawServer(echo, h, transport.ServerBefore(panics)),
		"after":  rawServer(echo, h, transport.ServerAfter(panics)),
		"error encoder": rawServer(fails, h,
			transport.ServerErrorEncoder(func(context.Context, error, *transport.Message) { panic(secret) })),
		"error handler": rawServer(fails,
			transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(func(context.Context, error) { panic(secret) }))),
	}
	s := serve(t, methods)
	pool := newPool(t)
	for method := range methods {
		_, err := rawClient(pool, s.node, method)(testContext(t), []byte{})
		e := asError(t, err)
		want := transport.CodeInternal
		if method == "error handler" {
			want = transport.CodeUnknown // it only listens: the endpoint's error is answered
		}
		if e.Code != want || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "goroutine") {
			t.Errorf("%s: the client got %v", method, err)
		}
		if strings.HasPrefix(method, "error") {
			continue
		}
		var p *transport.PanicError
		if err := wait(t, "the error handler", handled); !errors.As(err, &p) || p.Value != secret || len(p.Stack) == 0 || !errors.Is(err, transport.ErrPanicked) {
			t.Errorf("%s: the error handler got %v", method, err)
		}
	}
	if n := pool.Stats().Dials; n > 2 {
		t.Errorf("%d dials: a panic cost a connection", n)
	}
}

func TestPanicInAFinalizer(t *testing.T) {
	handled, second := make(chan error, 1), make(chan struct{}, 1)
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo,
		transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { handled <- err })),
		transport.ServerFinalizer(func(context.Context, error) { panic("boom") }),
		transport.ServerFinalizer(func(context.Context, error) { second <- struct{}{} }))})
	if _, err := rawClient(newPool(t), s.node, "M")(testContext(t), []byte{}); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, "the error handler", handled); !errors.Is(err, transport.ErrPanicked) {
		t.Errorf("the error handler got %v", err)
	}
	wait(t, "the second finalizer", second)
}

// Each finalizer's panic is told.
func TestPanicsInFinalizers(t *testing.T) {
	handled := make(chan error, 3)
	panics := func(what string) transport.ServerFinalizerFunc {
		return func(context.Context, error) { panic(what) }
	}
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo,
		transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { handled <- err })),
		transport.ServerFinalizer(panics("first"), panics("second")))})
	if _, err := rawClient(newPool(t), s.node, "M")(testContext(t), []byte{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"first", "second"} {
		var p *transport.PanicError
		if err := wait(t, "the error handler", handled); !errors.As(err, &p) || p.Value != want {
			t.Errorf("the error handler got %v, want the panic of the %s", err, want)
		}
	}
}
