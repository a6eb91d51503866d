package transport_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

func TestServerOrderAndHooksAppend(t *testing.T) {
	var order steps
	finalize := func(step string) transport.ServerFinalizerFunc {
		return func(context.Context, error) { order.note(step) }
	}
	after := func(step string) transport.ServerResponseFunc {
		return transport.ServerResponseFunc(order.request(step))
	}
	finalized := make(chan struct{})
	server := transport.NewServer(
		func(context.Context, any) (any, error) { order.note("endpoint"); return nil, nil },
		func(context.Context, *transport.Message) (any, error) { order.note("decode"); return nil, nil },
		func(context.Context, *transport.Message, any) error { order.note("encode"); return nil },
		transport.ServerFinalizer(finalize("finalizer 1")), transport.ServerFinalizer(finalize("finalizer 2")),
		transport.ServerFinalizer(func(context.Context, error) { close(finalized) }),
		transport.ServerAfter(after("after 1")), transport.ServerAfter(after("after 2")),
		transport.ServerBefore(order.request("before 1")), transport.ServerBefore(order.request("before 2")))
	s := serve(t, map[string]*transport.Server{"M": server})
	if _, err := rawClient(newPool(t), s.node, "M")(testContext(t), []byte{}); err != nil {
		t.Fatal(err)
	}
	wait(t, "the finalizers", finalized)
	order.expect(t, "before 1", "before 2", "decode", "endpoint", "after 1", "after 2", "encode", "finalizer 1", "finalizer 2")
}

func TestServerMetadataReachesTheClient(t *testing.T) {
	server := transport.NewServer(echo, transport.DecodeBytes,
		func(ctx context.Context, m *transport.Message, r any) error {
			m.Metadata = transport.Metadata{"codec": "1"} // forgets what the hooks did
			return transport.EncodeBytes(ctx, m, r)
		},
		transport.ServerAfter(transport.SetResponseMetadata("first", "2")),
		transport.ServerAfter(transport.SetResponseMetadata("second", "3")))
	failing := transport.NewServer(echo, transport.DecodeBytes,
		func(context.Context, *transport.Message, any) error { return errors.New("boom") },
		transport.ServerAfter(transport.SetResponseMetadata("first", "2")))
	s := serve(t, map[string]*transport.Server{"M": server, "Failing": failing})
	var md transport.Metadata
	look := transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context { md = m.Metadata; return ctx })
	pool := newPool(t)
	if _, err := rawClient(pool, s.node, "M", look)(testContext(t), []byte{}); err != nil {
		t.Fatal(err)
	}
	if len(md) != 3 || md["codec"] != "1" || md["first"] != "2" || md["second"] != "3" {
		t.Errorf("got %v", md)
	}
	if _, err := rawClient(pool, s.node, "Failing", look)(testContext(t), []byte{}); asError(t, err).Code != transport.CodeInternal {
		t.Errorf("got %v", err)
	}
	if len(md) != 1 || md["first"] != "2" {
		t.Errorf("with an error answer: got %v", md)
	}
}

func TestServerErrors(t *testing.T) {
	boom := errors.New("boom")
	handled := make(chan error, 1)
	h := transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { handled <- err }))
	finalErr := make(chan error, 1)
	f := transport.ServerFinalizer(func(_ context.Context, err error) { finalErr <- err })
	returns := func(err error) *transport.Server {
		return rawServer(func(context.Context, any) (any, error) { return nil, err }, h, f)
	}
	s := serve(t, map[string]*transport.Server{
		"plain":    returns(boom),
		"status":   returns(statusError{}),
		"own":      returns(&transport.Error{Code: transport.CodeResourceExhausted, Status: 5, Message: "later"}),
		"business": returns(transport.Business(77, "no stock")),
		"timeout":  returns(context.DeadlineExceeded),
		"other's":  returns(&transport.Error{Code: transport.CodeUnavailable, Remote: true, Message: "from elsewhere"}),
		"decode": transport.NewServer(echo, func(context.Context, *transport.Message) (any, error) { return nil, boom },
			transport.EncodeBytes, h, f),
		"encode": transport.NewServer(echo, transport.DecodeBytes,
			func(context.Context, *transport.Message, any) error { return boom }, h, f),
		"decoder's own": transport.NewServer(echo, func(context.Context, *transport.Message) (any, error) {
			return nil, &transport.Error{Code: transport.CodeNotFound, Status: 4, Message: "decoded"}
		}, transport.EncodeBytes, h, f),
		"encoder's own": transport.NewServer(echo, transport.DecodeBytes, func(context.Context, *transport.Message, any) error {
			return &transport.Error{Code: transport.CodeDataLoss, Status: 6, Message: "encoded"}
		}, h, f),
		"wrapped":    returns(fmt.Errorf("asked: %w", &transport.Error{Code: transport.CodeAborted, Status: 8, Message: "again"})),
		"own cause":  returns(&transport.Error{Code: transport.CodeNotFound, Err: boom}),
		"own words":  returns(&transport.Error{Code: transport.CodeNotFound, Message: "no", Err: boom}),
		"own status": returns(verdictError{}),
		"encoder": rawServer(func(context.Context, any) (any, error) { return nil, boom }, h, f,
			transport.ServerErrorEncoder(func(_ context.Context, err error, resp *transport.Message) {
				resp.Err = &transport.Error{Code: transport.CodeBusiness, Status: 3, Message: "encoded " + err.Error()}
			})),
	})
	pool := newPool(t)
	for method, want := range map[string]transport.Error{
		"plain":    {Code: transport.CodeUnknown, Message: "boom"},
		"status":   {Code: transport.CodeInvalidArgument, Status: 418, Message: "teapot"},
		"own":      {Code: transport.CodeResourceExhausted, Status: 5, Message: "later"},
		"business": {Code: transport.CodeBusiness, Status: 77, Message: "no stock"},
		"timeout":  {Code: transport.CodeDeadlineExceeded, Message: "context deadline exceeded"},
		"other's":  {Code: transport.CodeUnavailable, Message: "unavailable: from elsewhere"},
		"decode":   {Code: transport.CodeInvalidArgument, Message: "boom"},
		"encode":   {Code: transport.CodeInternal, Message: "the response could not be encoded"},

		"decoder's own": {Code: transport.CodeNotFound, Status: 4, Message: "decoded"},
		"encoder's own": {Code: transport.CodeDataLoss, Status: 6, Message: "encoded"},
		"wrapped":       {Code: transport.CodeAborted, Status: 8, Message: "again"},
		"own cause":     {Code: transport.CodeNotFound, Message: "boom"},
		"own words":     {Code: transport.CodeNotFound, Message: "no"},
		"own status":    {Code: transport.CodeUnavailable, Message: "not now"}, // an HTTP status is no number of the service's

		"encoder": {Code: transport.CodeBusiness, Status: 3, Message: "encoded boom"},
	} {
		_, err := rawClient(pool, s.node, method)(testContext(t), []byte{})
		e := asError(t, err)
		if e.Code != want.Code || e.Status != want.Status || e.Message != want.Message || !e.Remote || !e.Sent() {
			t.Errorf("%s: got %+v, want %+v", method, e, want)
		}
		if wait(t, "the error handler", handled) == nil || wait(t, "the finalizer", finalErr) == nil {
			t.Errorf("%s: no error for the handler or the finalizer", method)
		}
	}
}

type statusError struct{}

func (statusError) Error() string   { return "teapot" }
func (statusError) StatusCode() int { return 418 }

// verdictError tells its verdict, and an HTTP status.
type verdictError struct{ statusError }

func (verdictError) Error() string            { return "not now" }
func (verdictError) Verdict() verdict.Verdict { return verdict.ByCode(verdict.CodeUnavailable) }

// TestHooksThatForgetWhatOthersSet: each assigns its metadata anew, and what came before is there still.
func TestHooksThatForgetWhatOthersSet(t *testing.T) {
	set := func(name string) func(context.Context, *transport.Message) context.Context {
		return func(ctx context.Context, m *transport.Message) context.Context {
			m.Metadata = transport.Metadata{name: "set"}
			return ctx
		}
	}
	encodeError := transport.ServerErrorEncoder(func(ctx context.Context, err error, resp *transport.Message) {
		transport.DefaultErrorEncoder(ctx, err, resp)
		resp.Metadata = transport.Metadata{"error": "set"}
	})
	inRequest := make(chan transport.Metadata, 1)
	server := func(response any, enc transport.EncodeResponseFunc) *transport.Server {
		return transport.NewServer(func(context.Context, any) (any, error) { return response, nil },
			func(_ context.Context, m *transport.Message) (any, error) { inRequest <- m.Metadata; return nil, nil }, enc, encodeError,
			transport.ServerBefore(set("before 1"), set("before 2")), transport.ServerAfter(set("after 1"), set("after 2")))
	}
	s := serve(t, map[string]*transport.Server{
		"Good":   server(stock{}, transport.EncodeJSON),
		"Failed": server(stock{Err: "none left"}, transport.EncodeJSON),
		"Bad":    server(stock{}, func(context.Context, *transport.Message, any) error { return errors.New("boom") }),
	})
	pool := newPool(t)
	for method, names := range map[string][]string{
		"Good": {"after 1", "after 2"}, "Failed": {"after 1", "after 2", "error"}, "Bad": {"after 1", "after 2", "error"},
	} {
		var inAnswer transport.Metadata
		_, err := rawClient(pool, s.node, method, transport.ClientBefore(transport.SetRequestMetadata("client", "set")),
			transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context { inAnswer = m.Metadata; return ctx }))(testContext(t), []byte{})
		if (err == nil) != (method == "Good") {
			t.Errorf("%s: %v", method, err)
		}
		for what, md := range map[string]transport.Metadata{"request": wait(t, "the call", inRequest), "answer": inAnswer} {
			want := names
			if what == "request" {
				want = []string{"before 1", "before 2", "client"}
			}
			if got := slices.Sorted(maps.Keys(md)); !slices.Equal(got, want) {
				t.Errorf("%s: the %s has %q, want %q", method, what, got, want)
			}
		}
	}
}

// TestNothingOfAnAnswerThatFailed goes out: neither a body that was begun, nor an error that was noted.
func TestNothingOfAnAnswerThatFailed(t *testing.T) {
	boom := errors.New("boom")
	begun := func(_ context.Context, m *transport.Message, _ any) error {
		m.Body, m.Err = []byte("begun"), transport.Business(7, "begun")
		return boom
	}
	silent := transport.ServerErrorEncoder(func(_ context.Context, _ error, resp *transport.Message) { resp.Set("failed", "yes") })
	panics := transport.ServerErrorEncoder(func(_ context.Context, _ error, resp *transport.Message) {
		resp.Body, resp.Err = []byte("begun"), transport.Business(7, "begun")
		panic(boom)
	})
	s := serve(t, map[string]*transport.Server{
		"Default": transport.NewServer(echo, transport.DecodeBytes, begun),
		"Silent":  transport.NewServer(echo, transport.DecodeBytes, begun, silent),
		"Panics":  transport.NewServer(echo, transport.DecodeBytes, begun, panics),
	})
	pool := newPool(t)
	for method, want := range map[string]transport.Code{"Default": transport.CodeInternal, "Silent": 0, "Panics": transport.CodeInternal} {
		var body string
		_, err := rawClient(pool, s.node, method, transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
			body = string(m.Body)
			return ctx
		}))(testContext(t), []byte("x"))
		var e *transport.Error
		if body != "" || want == 0 && err != nil || want != 0 && (!errors.As(err, &e) || e.Code != want) {
			t.Errorf("%s: %v, with the body %q", method, err, body)
		}
	}
}

func TestServerContextKeys(t *testing.T) {
	finalized := make(chan context.Context, 1)
	server := rawServer(func(ctx context.Context, r any) (any, error) {
		if ctx.Value(transport.ContextKeyMethod) != "M" || ctx.Value(transport.ContextKeyRequestBytes) == nil {
			t.Errorf("method %v, bytes %v", ctx.Value(transport.ContextKeyMethod), ctx.Value(transport.ContextKeyRequestBytes))
		}
		for _, k := range []any{transport.ContextKeyLocalAddr, transport.ContextKeyRemoteAddr} {
			if _, ok := ctx.Value(k).(net.Addr); !ok {
				t.Errorf("%v: %v", k, ctx.Value(k))
			}
		}
		if ctx.Value(transport.ContextKeyTLS) != nil || transport.PeerCertificate(ctx) != nil {
			t.Error("TLS in a plaintext connection's context")
		}
		if n := ctx.Value(transport.ContextKeyResponseBytes); n != nil {
			t.Errorf("an answer of %v bytes before there is one", n)
		}
		if ctx.Value(ctxKey("conn")) != "yes" {
			t.Error("the value of ServiceConnContext is missing")
		}
		return r, nil
	}, transport.ServerFinalizer(func(ctx context.Context, _ error) { finalized <- ctx }))
	s := serve(t, map[string]*transport.Server{"M": server},
		transport.ServiceConnContext(func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, ctxKey("conn"), "yes")
		}))
	if _, err := rawClient(newPool(t), s.node, "M")(context.Background(), []byte("abc")); err != nil {
		t.Fatal(err)
	}
	ctx := wait(t, "the finalizer", finalized)
	if in, out := ctx.Value(transport.ContextKeyRequestBytes), ctx.Value(transport.ContextKeyResponseBytes); in != 20 || out != 19 {
		t.Errorf("bytes in %v, out %v", in, out)
	}
}
