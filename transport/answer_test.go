package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	kittransport "github.com/go-kit/kit/transport"
	kithttp "github.com/go-kit/kit/transport/http"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// marking are the protocols that carry codes and the mark of a call that was not run.
var marking = map[string]transport.ServerProtocol{"native": native.Protocol{}, "trpc": trpc.Protocol{}, "ttheader": ttheader.Protocol{}}

func clientOf(t *testing.T, p transport.Protocol, node transport.Node, method string, options ...transport.ClientOption) endpoint.Endpoint {
	return transport.NewClient(newPool(t), node, p, method, transport.EncodeBytes, transport.DecodeBytes, options...).Endpoint()
}

// traveling are the codes that an error answer can have.
func traveling() (codes []transport.Code) {
	for c := transport.CodeCanceled; c <= transport.CodeTooLarge; c++ {
		codes = append(codes, c)
	}
	return append(codes, 40, 70, 100, 130, 191)
}

// What an endpoint chose arrives as it chose it, but for the mark: only the transport
// knows whether the call was run.
func TestCodesOfAnEndpointArriveAndHaveRun(t *testing.T) {
	for name, p := range marking {
		t.Run(name, func(t *testing.T) {
			var choice atomic.Pointer[transport.Error]
			s := serveProtocol(t, p, map[string]*transport.Server{"/s/M": rawServer(func(context.Context, any) (any, error) { return nil, choice.Load() })})
			call := clientOf(t, p, s.node, "/s/M")
			for _, code := range traveling() {
				chosen := &transport.Error{Code: code, Status: 7, Message: "why", NotRun: true, RetryAfter: 1500 * time.Millisecond, NoRetry: true}
				choice.Store(chosen)
				_, err := call(testContext(t), []byte{})
				e := asError(t, err)
				if e.Code != code || e.Message != "why" || e.Status != 7 || e.NotRun || e.RetryAfter != chosen.RetryAfter || !e.NoRetry {
					t.Errorf("%v arrives as %+v", code, e)
				}
				if v := e.Verdict(); v.SafeToRetry() || v.Whose != verdict.ByCode(code).Whose {
					t.Errorf("%v is judged %v", code, v)
				}
			}
		})
	}
}

// What the transport did not run says so: an unknown method, a body that cannot be
// decoded, a call over the limit, one whose time was over, one that a middleware turned
// away.
func TestTransportMarksWhatItDidNotRun(t *testing.T) {
	limited := func(endpoint.Endpoint) endpoint.Endpoint {
		return func(context.Context, any) (any, error) { return nil, ratelimit.ErrLimited }
	}
	undecodable := func(context.Context, *transport.Message) (any, error) { return nil, errors.New("no") }
	fails := func(context.Context, any) (any, error) { return nil, ratelimit.ErrLimited }
	panics := func(context.Context, any) (any, error) { panic("boom") }
	passes := func(next endpoint.Endpoint) endpoint.Endpoint { return next }
	lost := func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(_ context.Context, r any) (any, error) { return next(context.Background(), r) }
	}
	around := func(endpoint.Endpoint) endpoint.Endpoint {
		return func(context.Context, any) (any, error) { panic("boom") }
	}
	unencodable := func(context.Context, *transport.Message, any) error { return errors.New("no") }
	forges := transport.ServerErrorEncoder(func(ctx context.Context, err error, resp *transport.Message) {
		resp.Err = &transport.Error{Code: transport.CodeBusiness, NotRun: true}
	})
	methods := map[string]*transport.Server{
		"/s/unencodable":   transport.NewServer(echo, transport.DecodeBytes, unencodable),
		"/s/panics-around": rawServer(echo, transport.ServerMiddleware(around)),
		"/s/failed": transport.NewServer(func(context.Context, any) (any, error) { return stock{Err: "none"}, nil },
			transport.NopRequestDecoder, transport.EncodeJSON, forges),
		"/s/undecodable":       transport.NewServer(echo, undecodable, transport.EncodeBytes),
		"/s/limited":           rawServer(echo, transport.ServerMiddleware(passes, limited)),
		"/s/limited-within":    rawServer(fails, transport.ServerMiddleware(passes)),
		"/s/limited-around":    rawServer(limited(echo)),
		"/s/panics-within":     rawServer(panics, transport.ServerMiddleware(passes)),
		"/s/panics-before":     rawServer(echo, transport.ServerBefore(func(context.Context, *transport.Message) context.Context { panic("boom") })),
		"/s/loses-its-context": rawServer(echo, transport.ServerMiddleware(lost)),
		"/s/passes":            rawServer(echo, transport.ServerMiddleware(passes)),
	}
	for name, p := range marking {
		t.Run(name, func(t *testing.T) {
			s := serveProtocol(t, p, methods)
			for method, want := range map[string]struct {
				code   transport.Code
				notRun bool
			}{
				"/s/unknown":           {transport.CodeUnimplemented, true},
				"/s/undecodable":       {transport.CodeInvalidArgument, true},
				"/s/unencodable":       {transport.CodeInternal, false},
				"/s/panics-around":     {transport.CodeInternal, true},
				"/s/failed":            {transport.CodeBusiness, false},
				"/s/limited":           {transport.CodeResourceExhausted, true},
				"/s/limited-within":    {transport.CodeResourceExhausted, false},
				"/s/limited-around":    {transport.CodeResourceExhausted, false},
				"/s/panics-within":     {transport.CodeInternal, false},
				"/s/panics-before":     {transport.CodeInternal, true},
				"/s/loses-its-context": {transport.CodeInternal, true},
			} {
				_, err := clientOf(t, p, s.node, method)(testContext(t), []byte("x"))
				if e := asError(t, err); e.Code != want.code || e.NotRun != want.notRun || e.Verdict().SafeToRetry() != want.notRun {
					t.Errorf("%s: %v (%v)", method, err, e.Verdict())
				}
			}
			if got, err := clientOf(t, p, s.node, "/s/passes")(testContext(t), []byte("x")); err != nil || string(got.([]byte)) != "x" {
				t.Errorf("a middleware that passes: %v, %v", got, err)
			}
		})
	}
}

// A middleware may run a call again that has failed; what the last one ends with is the answer, and the
// middlewares are around the endpoint in their order.
func TestMiddlewaresMayRunACallAgain(t *testing.T) {
	var order steps
	notes := func(step string) endpoint.Middleware {
		return func(next endpoint.Endpoint) endpoint.Endpoint {
			return func(ctx context.Context, r any) (any, error) { order.note(step); return next(ctx, r) }
		}
	}
	again := func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, r any) (any, error) {
			if answer, err := next(ctx, r); err == nil {
				return answer, nil
			}
			return next(ctx, r)
		}
	}
	ran := 0
	s := serve(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
		if ran++; ran == 1 {
			return nil, errors.New("not yet")
		}
		return r, nil
	}, transport.ServerMiddleware(notes("first"), again), transport.ServerMiddleware(notes("last")))})
	if got, err := rawClient(newPool(t), s.node, "M")(testContext(t), []byte("x")); err != nil || string(got.([]byte)) != "x" || ran != 2 {
		t.Errorf("%v, %v; it was run %d times", got, err, ran)
	}
	order.expect(t, "first", "last", "last")
}

// A number never says that a call was not run, nor does an Error's zero value.
func TestNumbersAndLiteralsPromiseNothing(t *testing.T) {
	for _, number := range []int{0, 22, 23, 404, 503} {
		for name, p := range marking {
			s := serveProtocol(t, p, map[string]*transport.Server{
				"/s/M": rawServer(func(context.Context, any) (any, error) { return nil, numbered(number) })})
			_, err := clientOf(t, p, s.node, "/s/M")(testContext(t), []byte{})
			if e := asError(t, err); e.Verdict().SafeToRetry() || e.Status != number && number != 0 {
				t.Errorf("%s, number %d: %+v is judged %v", name, number, e, e.Verdict())
			}
		}
	}
	for _, e := range []*transport.Error{{}, {Code: transport.CodeUnavailable}, {Code: transport.CodeConnection}, {NotRun: true}} {
		if v := e.Verdict(); v.Ran != verdict.Maybe || !e.Sent() {
			t.Errorf("%+v is judged %v", e, v)
		}
	}
}

type numbered int

func (n numbered) Error() string   { return "numbered" }
func (n numbered) StatusCode() int { return int(n) }

// A relay's caller learns what is true for it: what is the caller's own fault, load and
// the business's no pass; a method that lacks, or a node that cannot be reached, behind
// the relay is the relay's method's failure; that a call was not run there says nothing.
func TestRelayPassesOnWhatHoldsForItsCaller(t *testing.T) {
	for name, p := range marking {
		t.Run(name, func(t *testing.T) {
			var answer atomic.Pointer[transport.Error]
			behind := serveProtocol(t, p, map[string]*transport.Server{
				"/s/M": rawServer(func(context.Context, any) (any, error) { return nil, answer.Load() })})
			relay := serveProtocol(t, p, map[string]*transport.Server{
				"/r/M":       rawServer(clientOf(t, p, behind.node, "/s/M")),
				"/r/lacking": rawServer(clientOf(t, p, behind.node, "/s/lacking")),
				"/r/dead":    rawServer(clientOf(t, p, transport.Node{Network: "tcp", Address: "127.0.0.1:1"}, "/s/M")),
			})
			call := clientOf(t, p, relay.node, "/r/M")
			for _, code := range traveling() {
				answer.Store(&transport.Error{Code: code, Status: 77, Message: "why", RetryAfter: time.Second, NoRetry: true})
				want := code
				if code == transport.CodeUnimplemented {
					want = transport.CodeInternal
				}
				_, err := call(testContext(t), []byte{})
				e := asError(t, err)
				if e.Code != want || e.NotRun || e.RetryAfter != time.Second || !e.NoRetry {
					t.Errorf("%v behind a relay arrives as %+v", code, e)
				}
				if code == transport.CodeBusiness && (e.Status != 77 || e.Message != "why") {
					t.Errorf("the business's no arrives as %+v", e)
				}
			}
			for method, want := range map[string]transport.Code{"/r/lacking": transport.CodeInternal, "/r/dead": transport.CodeUnavailable} {
				_, err := clientOf(t, p, relay.node, method)(testContext(t), []byte{})
				if e := asError(t, err); e.Code != want || e.Verdict().SafeToRetry() || e.Verdict().Whose != verdict.Method {
					t.Errorf("%s: %v, judged %v", method, err, e.Verdict())
				}
			}
		})
	}
}

// What a codec meets elsewhere is no word about the node that it encodes for.
func TestErrorsOfAnEncodersOwnCallsAreTheCallers(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	dead := clientOf(t, native.Protocol{}, transport.Node{Network: "tcp", Address: "127.0.0.1:1"}, "M")
	enc := func(ctx context.Context, m *transport.Message, r any) error {
		_, err := dead(ctx, []byte{})
		return fmt.Errorf("token: %w", err)
	}
	_, err := transport.NewClient(newPool(t), s.node, native.Protocol{}, "M", enc, transport.DecodeBytes).Endpoint()(testContext(t), []byte{})
	if e := asError(t, err); e.Code != transport.CodeEncode || e.Node != s.node {
		t.Errorf("got %+v", e)
	}
	if v := verdict.Of(err); v.Whose != verdict.Caller || v.Ran != verdict.NotSent {
		t.Errorf("judged %v", v)
	}
}

// go-kit's HTTP transport writes what StatusCode returns: a gateway must not panic.
func TestEveryErrorHasAnHTTPStatus(t *testing.T) {
	for code := range 256 {
		for _, err := range []error{&transport.Error{Code: transport.Code(code)}, &transport.PanicError{}} {
			w := httptest.NewRecorder()
			kithttp.DefaultErrorEncoder(context.Background(), err, w)
			if w.Code < 400 || w.Code > 599 {
				t.Errorf("code %d is HTTP status %d", code, w.Code)
			}
		}
	}
}

// An answer that could not be sent is told once, in one line, with what was to be
// answered. An error is answered all the same, without what does not fit.
func TestFailedAnswerIsToldOnceInOneLine(t *testing.T) {
	told := make(chan error, 4)
	handler := transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { told <- err }))
	boom := errors.New("boom")
	big := transport.ServerErrorEncoder(func(_ context.Context, err error, resp *transport.Message) {
		resp.Err = &transport.Error{Code: transport.CodeBusiness, Status: 402, Message: err.Error(), NoRetry: true}
		resp.Metadata = transport.Metadata{"all": strings.Repeat("x", 1<<17)} // does not fit
	})
	s := serve(t, map[string]*transport.Server{"M": rawServer(func(context.Context, any) (any, error) { return nil, boom }, handler, big)})
	_, err := rawClient(newPool(t), s.node, "M")(testContext(t), []byte{})
	if e := asError(t, err); e.Code != transport.CodeBusiness || e.Status != 402 || !e.NoRetry || !strings.Contains(e.Message, "cannot be sent") {
		t.Errorf("the client got %v, want that the business has refused, without its words", err)
	}
	got := wait(t, "the error handler", told)
	if text := got.Error(); !errors.Is(got, boom) || len(text) < len("boom; ") || containsLineBreak(text) {
		t.Errorf("told %q", text)
	}
	select {
	case more := <-told:
		t.Errorf("told again: %v", more)
	default:
	}
}

func containsLineBreak(s string) bool {
	for _, r := range s {
		if r == '\n' {
			return true
		}
	}
	return false
}

// The server knows which attempt a call is; the first says nothing on the wire.
func TestAttemptNumberTravels(t *testing.T) {
	for name, p := range marking {
		got, words := make(chan int, 1), make(chan string, 1)
		s := serveProtocol(t, p, map[string]*transport.Server{"/s/M": rawServer(func(ctx context.Context, r any) (any, error) {
			got <- transport.CallerAttempt(ctx)
			return r, nil
		}, transport.ServerBefore(func(ctx context.Context, m *transport.Message) context.Context {
			words <- m.Metadata[transport.MetadataAttempt]
			return ctx
		}))})
		mine := transport.Metadata{"a": "b"}
		call := clientOf(t, p, s.node, "/s/M", transport.ClientBefore(func(ctx context.Context, m *transport.Message) context.Context {
			m.Metadata = mine
			return ctx
		}))
		for n := range 4 {
			ctx := context.WithValue(testContext(t), transport.ContextKeyAttempt, n)
			if _, err := call(ctx, []byte{}); err != nil {
				t.Fatal(err)
			}
			if got := wait(t, "the call", got); got != max(n, 1) {
				t.Errorf("%s: attempt %d arrives as %d", name, n, got)
			}
			if word := wait(t, "its word", words); (word != "") != (n > 1) {
				t.Errorf("%s: attempt %d says %q", name, n, word)
			}
		}
		if len(mine) != 1 {
			t.Errorf("%s: the user's own map was changed: %v", name, mine)
		}
	}
	if transport.CallerAttempt(context.Background()) != 1 {
		t.Error("outside of a call")
	}
}

// A middleware that answers before it passes the call on has answered: the call is not
// run any more, or the answer that says so would be a lie.
func TestCallThatWasAnsweredUnrunIsNotRun(t *testing.T) {
	for name, p := range marking {
		t.Run(name, func(t *testing.T) {
			var ran atomic.Int32
			late := make(chan error, 1)
			release := make(chan struct{})
			impatient := func(next endpoint.Endpoint) endpoint.Endpoint {
				return func(ctx context.Context, r any) (any, error) {
					go func() {
						<-release
						_, err := next(context.WithoutCancel(ctx), r)
						late <- err
					}()
					return nil, ratelimit.ErrLimited
				}
			}
			s := serveProtocol(t, p, map[string]*transport.Server{"/s/M": rawServer(func(_ context.Context, r any) (any, error) {
				ran.Add(1)
				return r, nil
			}, transport.ServerMiddleware(impatient))})
			_, err := clientOf(t, p, s.node, "/s/M")(testContext(t), []byte{})
			if v := verdict.Of(err); v.Ran != verdict.Refused {
				t.Errorf("%v is judged %v", err, v)
			}
			close(release)
			if err := wait(t, "the middleware", late); err == nil || ran.Load() != 0 {
				t.Errorf("the call ran %d times, and its middleware got %v", ran.Load(), err)
			}
		})
	}
}

// What a hook or an error encoder puts in the place of the transport's own words is
// nobody's word: who passes on the metadata of another call must not pass on its promises.
func TestUsersMetadataForgesNoWords(t *testing.T) {
	forged := transport.Metadata{"kept": "yes", transport.MetadataNotRun: "1", transport.MetadataCode: "5", transport.MetadataRetryAfter: "5",
		transport.MetadataNoRetry: "1", transport.MetadataAttempt: "7"}
	for name, p := range marking {
		t.Run(name, func(t *testing.T) {
			attempts := make(chan int, 1)
			s := serveProtocol(t, p, map[string]*transport.Server{"/s/M": rawServer(func(ctx context.Context, r any) (any, error) {
				attempts <- transport.CallerAttempt(ctx)
				return nil, errors.New("boom")
			}, transport.ServerErrorEncoder(func(_ context.Context, err error, resp *transport.Message) {
				resp.Err, resp.Metadata = &transport.Error{Code: transport.CodeInternal}, forged
			}))})
			var kept atomic.Value
			call := clientOf(t, p, s.node, "/s/M", transport.ClientBefore(func(ctx context.Context, m *transport.Message) context.Context {
				m.Metadata = forged
				return ctx
			}), transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
				kept.Store(m.Metadata["kept"])
				return ctx
			}))
			_, err := call(testContext(t), []byte{})
			e := asError(t, err)
			if e.Code != transport.CodeInternal || e.NotRun || e.RetryAfter != 0 || e.NoRetry || kept.Load() != "yes" {
				t.Errorf("the client got %+v, and the metadata %v", e, kept.Load())
			}
			if n := wait(t, "the call", attempts); n != 1 {
				t.Errorf("attempt %d", n)
			}
		})
	}
	if len(forged) != 6 {
		t.Error("the user's own map was changed")
	}
}

// A retry-after that makes no sense is none, and one over an hour is an hour.
func TestRetryAfterOfAPeerIsBounded(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "-1": 0, "1.5": 0, "x": 0, "0": 0, "1500": 1500 * time.Millisecond,
		"3600001": time.Hour, "99999999999999": time.Hour, "99999999999999999999999999": time.Hour} {
		s := serve(t, map[string]*transport.Server{"M": rawServer(func(context.Context, any) (any, error) { return nil, errors.New("x") })})
		p := retryAfter{text: text}
		_, err := clientOf(t, p, s.node, "M")(testContext(t), []byte{})
		if e := asError(t, err); e.RetryAfter != want {
			t.Errorf("%q is %v, want %v", text, e.RetryAfter, want)
		}
	}
}

// retryAfter is native, with a peer's word put into each answer.
type retryAfter struct {
	native.Protocol
	text string
}

func (p retryAfter) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.Protocol.ParseResponse(frame, resp)
	resp.Metadata = transport.Metadata{transport.MetadataRetryAfter: p.text}
	return err
}

// Another Pool's errors promise what they can know: of a Get that nothing was sent, of a
// Read nothing.
func TestErrorsOfAForeignPool(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	for name, c := range map[string]struct {
		get, read error
		want      verdict.Ran
	}{
		"a Get":                     {errors.New("none left"), nil, verdict.NotSent},
		"a Read's literal":          {nil, &muxpool.Error{Op: "read", Err: muxpool.ErrConnLost}, verdict.Maybe},
		"a Read's bare sentinel":    {nil, muxpool.ErrPoolClosed, verdict.Maybe},
		"a Read's, of a broken Get": {nil, muxpool.ErrConnectionsHaveBeenExpelled, verdict.Maybe},
	} {
		_, err := clientOver(foreignPool{newPool(t), c.get, c.read}, s.node)(testContext(t), []byte{})
		if v := verdict.Of(err); v.Ran != c.want {
			t.Errorf("%s: %v is judged %v, want %v", name, err, v, c.want)
		}
	}
}

func clientOver(pool muxpool.Pool, node transport.Node) endpoint.Endpoint {
	return transport.NewClient(pool, node, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes).Endpoint()
}

// foreignPool wraps a pool, as one with metrics or a proxy does.
type foreignPool struct {
	muxpool.Pool
	get, read error
}

func (p foreignPool) GetMuxConn(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
	if p.get != nil {
		return nil, p.get
	}
	mc, err := p.Pool.GetMuxConn(ctx, network, address, opts)
	return foreignConn{mc, p.read}, err
}

type foreignConn struct {
	muxpool.MuxConn
	read error
}

func (c foreignConn) Read() ([]byte, error) { return nil, c.read }
