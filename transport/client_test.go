package transport_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// steps notes the order in which things happen.
type steps struct {
	mu   sync.Mutex
	list []string
}

func (s *steps) note(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, step)
}

func (s *steps) request(step string) transport.RequestFunc {
	return func(ctx context.Context, _ *transport.Message) context.Context { s.note(step); return ctx }
}

func (s *steps) expect(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.list, want) {
		t.Errorf("order\n got %q\nwant %q", s.list, want)
	}
}

func TestClientOrderAndHooksAppend(t *testing.T) {
	var order steps
	s := serve(t, map[string]*transport.Server{"M": rawServer(func(context.Context, any) (any, error) {
		order.note("served")
		return []byte("x"), nil
	})})
	after := func(step string) transport.ClientResponseFunc {
		return transport.ClientResponseFunc(order.request(step))
	}
	finalize := func(step string) transport.ClientFinalizerFunc {
		return func(context.Context, error) { order.note(step) }
	}
	c := transport.NewClient(newPool(t), s.node, native.Protocol{}, "M",
		func(context.Context, *transport.Message, any) error { order.note("encode"); return nil },
		func(context.Context, *transport.Message) (any, error) { order.note("decode"); return 7, nil },
		transport.ClientFinalizer(finalize("finalizer 1")), transport.ClientFinalizer(finalize("finalizer 2")),
		transport.ClientAfter(after("after 1")), transport.ClientAfter(after("after 2")),
		transport.ClientBefore(order.request("before 1")), transport.ClientBefore(order.request("before 2")))
	got, err := c.Endpoint()(testContext(t), nil)
	if got != 7 || err != nil {
		t.Fatalf("got %v, %v", got, err)
	}
	order.expect(t, "encode", "before 1", "before 2", "served", "after 1", "after 2", "decode", "finalizer 1", "finalizer 2")
}

type ctxKey string

func TestClientBeforeContextIsThatOfTheCall(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	put := func(k ctxKey) func(context.Context, *transport.Message) context.Context {
		return func(ctx context.Context, _ *transport.Message) context.Context {
			return context.WithValue(ctx, k, "yes")
		}
	}
	seen := func(ctx context.Context) (keys []string) {
		for _, k := range []ctxKey{"caller", "before", "after"} {
			if ctx.Value(k) != nil {
				keys = append(keys, string(k))
			}
		}
		return keys
	}
	pool := newPool(t)
	for name, limited := range map[string]func(context.Context, time.Duration) (context.Context, context.CancelFunc){"context": context.WithTimeout, "deadline.Context": deadline.WithTimeout} {
		var inPool, inDecode, inFinalizer []string
		c := transport.NewClient(getFunc(func(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
			inPool = seen(ctx)
			return pool.GetMuxConn(ctx, network, address, opts)
		}), s.node, native.Protocol{}, "M", transport.EncodeBytes,
			func(ctx context.Context, m *transport.Message) (any, error) { inDecode = seen(ctx); return nil, nil },
			transport.ClientBefore(put("before")), transport.ClientAfter(put("after")),
			transport.ClientFinalizer(func(ctx context.Context, _ error) { inFinalizer = seen(ctx) }))
		ctx, cancel := limited(context.WithValue(t.Context(), ctxKey("caller"), "yes"), waitTime)
		defer cancel()
		if _, err := c.Endpoint()(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
		all := []string{"caller", "before", "after"}
		if !slices.Equal(inPool, all[:2]) || !slices.Equal(inDecode, all) || !slices.Equal(inFinalizer, all) {
			t.Errorf("%s: pool %q, decode %q, finalizer %q", name, inPool, inDecode, inFinalizer)
		}
	}
}

// getFunc is a Pool.
type getFunc func(context.Context, string, string, muxpool.GetOptions) (muxpool.MuxConn, error)

func (f getFunc) GetMuxConn(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
	return f(ctx, network, address, opts)
}

func TestClientMetadataIsMerged(t *testing.T) {
	got := make(chan transport.Metadata, 1)
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo, transport.ServerBefore(
		func(ctx context.Context, m *transport.Message) context.Context { got <- m.Metadata; return ctx }))})
	shared := transport.Metadata{"shared": "4"}
	c := transport.NewClient(newPool(t), s.node, native.Protocol{}, "M",
		func(_ context.Context, m *transport.Message, _ any) error {
			m.Set("codec", "1")
			m.Set("gone", "x")
			return nil
		},
		transport.DecodeBytes,
		transport.ClientBefore(transport.SetRequestMetadata("first", "2"), transport.SetRequestMetadata("second", "3")),
		transport.ClientBefore(func(ctx context.Context, m *transport.Message) context.Context {
			delete(m.Metadata, "gone") // on purpose
			m.Metadata = shared        // a hook that forgets what others did
			return ctx
		}))
	if _, err := c.Endpoint()(testContext(t), nil); err != nil {
		t.Fatal(err)
	}
	md := bounded.Receive(t, got)
	want := transport.Metadata{"codec": "1", "first": "2", "second": "3", "shared": "4"}
	if len(md) != len(want) {
		t.Errorf("got %v, want %v", md, want)
	}
	for k, v := range want {
		if md[k] != v {
			t.Errorf("%s: got %q, want %q", k, md[k], v)
		}
	}
	if len(shared) != 1 {
		t.Errorf("the hook's own map was changed: %v", shared)
	}
}

func TestClientFinalizersAlwaysRun(t *testing.T) {
	boom := errors.New("boom")
	s := serve(t, map[string]*transport.Server{
		"M":    rawServer(echo),
		"Fail": rawServer(func(context.Context, any) (any, error) { return nil, boom }),
	})
	pool := newPool(t)
	dead := transport.Node{Network: "tcp", Address: "127.0.0.1:1"}
	panics := func(context.Context, *transport.Message) context.Context { panic(boom) }
	badDecode := func(context.Context, *transport.Message) (any, error) { return nil, boom }
	badEncode := func(context.Context, *transport.Message, any) error { return boom }
	for name, tc := range map[string]struct {
		node   transport.Node
		method string
		enc    transport.EncodeRequestFunc
		dec    transport.DecodeResponseFunc
		option transport.ClientOption
		check  func(error) bool
	}{
		"success":       {s.node, "M", transport.EncodeBytes, transport.DecodeBytes, nil, func(err error) bool { return err == nil }},
		"encode fails":  {s.node, "M", badEncode, transport.DecodeBytes, nil, func(err error) bool { return errors.Is(err, boom) }},
		"decode fails":  {s.node, "M", transport.EncodeBytes, badDecode, nil, func(err error) bool { return errors.Is(err, boom) }},
		"no such node":  {dead, "M", transport.EncodeBytes, transport.DecodeBytes, nil, func(err error) bool { return asError(t, err).Code == transport.CodeConnection }},
		"error answer":  {s.node, "Fail", transport.EncodeBytes, transport.DecodeBytes, nil, func(err error) bool { return asError(t, err).Remote }},
		"invalid":       {s.node, "M", transport.EncodeBytes, transport.DecodeBytes, transport.ClientTimeout(-1), func(err error) bool { return errors.Is(err, transport.ErrInvalidOption) }},
		"before panics": {s.node, "M", transport.EncodeBytes, transport.DecodeBytes, transport.ClientBefore(panics), func(err error) bool { return err == transport.ErrPanicked }},
		"after panics":  {s.node, "M", transport.EncodeBytes, transport.DecodeBytes, transport.ClientAfter(panics), func(err error) bool { return err == transport.ErrPanicked }},
	} {
		t.Run(name, func(t *testing.T) {
			calls, got := 0, error(nil)
			options := []transport.ClientOption{
				transport.ClientFinalizer(func(context.Context, error) { calls++ }),
				transport.ClientFinalizer(func(_ context.Context, err error) { calls++; got = err }),
			}
			if tc.option != nil {
				options = append(options, tc.option)
			}
			call := transport.NewClient(pool, tc.node, native.Protocol{}, tc.method, tc.enc, tc.dec, options...).Endpoint()
			func() {
				defer func() {
					if v := recover(); (v != nil) != strings.HasSuffix(name, "panics") {
						t.Errorf("panic: %v", v)
					}
				}()
				_, _ = call(testContext(t), []byte("x"))
			}()
			if calls != 2 || !tc.check(got) {
				t.Errorf("%d calls of finalizers, error %v", calls, got)
			}
		})
	}
}

func TestClientContextKeys(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	ctx := context.WithValue(testContext(t), transport.ContextKeyAttempt, 2)
	attemptWord := 4 + len(transport.MetadataAttempt) + 1
	check := func(ctx context.Context, when string, sent bool) {
		t.Helper()
		if ctx.Value(transport.ContextKeyNode) != s.node || ctx.Value(transport.ContextKeyMethod) != "M" || ctx.Value(transport.ContextKeyAttempt) != 2 {
			t.Errorf("%s: node %v, method %v, attempt %v", when, ctx.Value(transport.ContextKeyNode),
				ctx.Value(transport.ContextKeyMethod), ctx.Value(transport.ContextKeyAttempt))
		}
		remote, _ := ctx.Value(transport.ContextKeyRemoteAddr).(net.Addr)
		local, _ := ctx.Value(transport.ContextKeyLocalAddr).(net.Addr)
		out, _ := ctx.Value(transport.ContextKeyRequestBytes).(int)
		in, _ := ctx.Value(transport.ContextKeyResponseBytes).(int)
		if !sent {
			if remote != nil || local != nil || out != 0 || in != 0 {
				t.Errorf("%s: %v %v %d %d before anything was sent", when, remote, local, out, in)
			}
			return
		}
		if remote == nil || remote.String() != s.node.Address || local == nil || out != 16+len("M")+3+8+attemptWord || in != 16+3 {
			t.Errorf("%s: remote %v, local %v, out %d, in %d", when, remote, local, out, in)
		}
	}
	call := transport.NewClient(newPool(t), s.node, native.Protocol{}, "M",
		func(ctx context.Context, m *transport.Message, r any) error {
			check(ctx, "encode", false)
			return transport.EncodeBytes(ctx, m, r)
		},
		func(ctx context.Context, m *transport.Message) (any, error) {
			check(ctx, "decode", true)
			return nil, nil
		},
		transport.ClientBefore(func(ctx context.Context, _ *transport.Message) context.Context {
			check(ctx, "before", false)
			return ctx
		}),
		transport.ClientAfter(func(ctx context.Context, _ *transport.Message) context.Context { check(ctx, "after", true); return ctx }),
		transport.ClientFinalizer(func(ctx context.Context, _ error) { check(ctx, "finalizer", true) })).Endpoint()
	if _, err := call(ctx, []byte("abc")); err != nil {
		t.Fatal(err)
	}
}

func TestClientErrorsAnswerTheCallersQuestions(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	pool := newPool(t, muxpool.WithMaxFrameSize(1<<20))
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	boom := errors.New("boom")
	bad := func(context.Context, *transport.Message) (any, error) { return nil, boom }
	own := func(context.Context, *transport.Message) (any, error) { return nil, transport.Business(9, "decoded") }
	for name, tc := range map[string]struct {
		ctx    context.Context
		node   transport.Node
		method string
		dec    transport.DecodeResponseFunc
		body   any
		code   transport.Code
		sent   bool
		is     error
	}{
		"not encodable":  {nil, s.node, "M", transport.DecodeBytes, "no bytes", transport.CodeEncode, false, nil},
		"too large":      {nil, s.node, "M", transport.DecodeBytes, make([]byte, 2<<20), transport.CodeTooLarge, false, muxpool.ErrFrameTooLarge},
		"refused":        {nil, transport.Node{Network: "tcp", Address: "127.0.0.1:1"}, "M", transport.DecodeBytes, []byte{}, transport.CodeConnection, false, nil},
		"bad network":    {nil, transport.Node{Network: "ipx", Address: "x"}, "M", transport.DecodeBytes, []byte{}, transport.CodeConnection, false, muxpool.ErrNetworkNotSupport},
		"left before":    {gone, s.node, "M", transport.DecodeBytes, []byte{}, transport.CodeCanceled, false, context.Canceled},
		"unknown method": {nil, s.node, "Nope", transport.DecodeBytes, []byte{}, transport.CodeUnimplemented, true, nil},
		"not decodable":  {nil, s.node, "M", bad, []byte{}, transport.CodeBadResponse, true, boom},
		"decoder's own":  {nil, s.node, "M", own, []byte{}, transport.CodeBusiness, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.ctx == nil {
				tc.ctx = testContext(t)
			}
			_, err := transport.NewClient(pool, tc.node, native.Protocol{}, tc.method, transport.EncodeBytes, tc.dec).Endpoint()(tc.ctx, tc.body)
			e := asError(t, err)
			if e.Code != tc.code || e.Sent() != tc.sent || e.Node != tc.node || e.Method != tc.method {
				t.Errorf("%v: code %v, sent %v, node %v, method %q", err, e.Code, e.Sent(), e.Node, e.Method)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%v does not wrap %v", err, tc.is)
			}
		})
	}
}

func TestClientInvalid(t *testing.T) {
	pool, node := newPool(t), transport.Node{Network: "tcp", Address: "127.0.0.1:1"}
	enc, dec := transport.EncodeBytes, transport.DecodeBytes
	for want, c := range map[string]*transport.Client{
		"pool":         transport.NewClient(nil, node, native.Protocol{}, "M", enc, dec),
		"protocol":     transport.NewClient(pool, node, nil, "M", enc, dec),
		"encode":       transport.NewClient(pool, node, native.Protocol{}, "M", nil, dec),
		"decode":       transport.NewClient(pool, node, native.Protocol{}, "M", enc, nil),
		"address":      transport.NewClient(pool, transport.Node{Network: "tcp"}, native.Protocol{}, "M", enc, dec),
		"-1s":          transport.NewClient(pool, node, native.Protocol{}, "M", enc, dec, transport.ClientTimeout(-time.Second)),
		"ClientOneWay": transport.NewClient(pool, node, minimal{}, "M", enc, dec, transport.ClientOneWay()),
	} {
		_, err := c.Endpoint()(context.Background(), []byte{})
		if !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), want) || asError(t, err).Sent() {
			t.Errorf("%s: %v", want, err)
		}
		if !errors.Is(c.Err(), transport.ErrInvalidOption) {
			t.Errorf("%s: Err() is %v", want, c.Err())
		}
	}
}

// minimal is a Protocol without any optional part.
type minimal struct{ transport.Protocol }

func TestClientOneWay(t *testing.T) {
	got := make(chan string, 1)
	s := serve(t, map[string]*transport.Server{
		"M": rawServer(func(_ context.Context, r any) (any, error) {
			got <- string(r.([]byte))
			return nil, errors.New("nobody hears it")
		}),
		"Echo": rawServer(echo),
	})
	pool := newPool(t, muxpool.WithConnectNumber(1))
	response, err := rawClient(pool, s.node, "M", transport.ClientOneWay())(testContext(t), []byte("tell"))
	if response != nil || err != nil {
		t.Fatalf("got %v, %v", response, err)
	}
	if g := wait(t, "one-way call", got); g != "tell" {
		t.Errorf("the server got %q", g)
	}
	if _, err := rawClient(pool, s.node, "Echo")(testContext(t), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if c := pool.Stats().Counters; c.Unknown+c.Late+c.Duplicate != 0 {
		t.Errorf("a one-way call was answered: %+v", c)
	}
	for _, n := range pool.Stats().Nodes {
		for _, c := range n.Conns {
			if c.InFlight+c.Reserved != 0 {
				t.Errorf("for its answer %d calls wait, and %d ids are kept", c.InFlight, c.Reserved)
			}
		}
	}
}

// blind is a context that nobody may look at.
type blind struct{ context.Context }

// TestReadyCodecsDoNotLook is what a Client relies on that has no hooks: it gives such
// codecs the caller's context, without the values of the call, and has not said yet how
// much time is left. A codec that calls a ready one may look, and sees both.
func TestReadyCodecsDoNotLook(t *testing.T) {
	for name, call := range map[string]func(ctx context.Context, m *transport.Message) error{
		"EncodeBytes": func(ctx context.Context, m *transport.Message) error {
			return transport.EncodeBytes(ctx, m, []byte("x"))
		},
		"EncodeBuffer": func(ctx context.Context, m *transport.Message) error {
			return transport.EncodeBuffer(ctx, m, transport.NewBuffer(1))
		},
		"EncodeJSON": func(ctx context.Context, m *transport.Message) error { return transport.EncodeJSON(ctx, m, 1) },
		"DecodeBytes": func(ctx context.Context, m *transport.Message) error {
			_, err := transport.DecodeBytes(ctx, m)
			return err
		},
		"DecodeBuffer": func(ctx context.Context, m *transport.Message) error {
			_, err := transport.DecodeBuffer(ctx, m)
			return err
		},
		"NopRequestDecoder": func(ctx context.Context, m *transport.Message) error {
			_, err := transport.NopRequestDecoder(ctx, m)
			return err
		},
	} {
		m := transport.Message{Timeout: time.Second}
		if err := call(blind{}, &m); err != nil || m.Timeout != time.Second {
			t.Errorf("%s: %v, %v left", name, err, m.Timeout)
		}
	}

	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	looked := 0
	look := func(ctx context.Context, m *transport.Message) {
		if looked++; ctx.Value(transport.ContextKeyMethod) != "M" || ctx.Value(transport.ContextKeyNode) != s.node {
			t.Errorf("a codec sees the method %v and the node %v", ctx.Value(transport.ContextKeyMethod), ctx.Value(transport.ContextKeyNode))
		}
	}
	call := transport.NewClient(newPool(t), s.node, native.Protocol{}, "M",
		func(ctx context.Context, m *transport.Message, request any) error {
			if look(ctx, m); m.Timeout <= 0 {
				t.Error("a codec does not see how much time is left")
			}
			return transport.EncodeBytes(ctx, m, request)
		},
		func(ctx context.Context, m *transport.Message) (any, error) {
			look(ctx, m)
			return transport.DecodeBytes(ctx, m)
		}).Endpoint()
	if _, err := call(testContext(t), []byte("x")); err != nil || looked != 2 {
		t.Errorf("%v, %d codecs looked", err, looked)
	}
}
