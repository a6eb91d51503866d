package endpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd/lb"
	kithttp "github.com/go-kit/kit/transport/http"
	kitjsonrpc "github.com/go-kit/kit/transport/http/jsonrpc"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// kind is an error that a call can end with.
type kind struct {
	name string
	err  error
}

// TestJudgementOfErrors makes an error of every kind, judges it, and compares
// docs/judgement.md with that.
func TestJudgementOfErrors(t *testing.T) {
	var table strings.Builder
	for _, k := range slices.Concat(foundByAClient(t), ofThePackages(), ofOthers()) {
		v := verdict.Of(k.err)
		fmt.Fprintf(&table, "| %s | %v | %v | %v | %s | %s | %s |\n", k.name, v.Code, v.Whose, v.Ran, dash(v.CountsAgainst()), elsewhere(v), httpStatus(k.err))
	}
	mustBeOnThePage(t, table.String())
}

// TestJudgementThroughTheProtocols has a server's endpoint end in every way, and
// compares docs/judgement.md with what its client makes of that.
func TestJudgementThroughTheProtocols(t *testing.T) {
	var table strings.Builder
	protocols := []transport.ServerProtocol{native.Protocol{}, trpc.Protocol{}, jsonrpc.Protocol{Version: jsonrpc.Version2}, jsonrpc.Protocol{}}
	for _, k := range answered(t) {
		fmt.Fprintf(&table, "| %s |", k.name)
		for _, p := range protocols {
			v := verdict.Of(askFailing(t, p, k.err))
			fmt.Fprintf(&table, " %v, %v, %v |", v.Code, v.Whose, v.Ran)
		}
		table.WriteString("\n")
	}
	mustBeOnThePage(t, table.String())
}

func mustBeOnThePage(t *testing.T, table string) {
	t.Helper()
	page, err := os.ReadFile("../docs/judgement.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table) {
		t.Errorf("docs/judgement.md does not have this table:\n%s", table)
	}
}

func dash(w verdict.Whose) string {
	if w == verdict.Nobody {
		return "–"
	}
	return w.String()
}

func elsewhere(v verdict.Verdict) string {
	switch {
	case v.Elsewhere(false):
		return "yes"
	case v.Elsewhere(true):
		return "if idempotent"
	}
	return "–"
}

// httpStatus is what go-kit's HTTP transport answers with; what it makes of errors of
// others is not ours.
func httpStatus(err error) string {
	if _, ours := err.(verdict.Teller); !ours {
		return "–"
	}
	w := httptest.NewRecorder()
	kithttp.DefaultErrorEncoder(context.Background(), err, w)
	return fmt.Sprint(w.Code)
}

const waitTime = 20 * time.Second

func inTime(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	t.Cleanup(cancel)
	return ctx
}

// foundByAClient are the errors of real Clients, over a real pool.
func foundByAClient(t *testing.T) []kind {
	boom := errors.New("boom")
	echo := func(_ context.Context, r any) (any, error) { return r, nil }
	asked := make(chan struct{}, 1)
	hang := func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() }
	node := serveMethods(t, native.Protocol{}, map[string]*transport.Server{
		"Echo": transport.NewServer(echo, transport.DecodeBytes, transport.EncodeBytes),
		"Hang": transport.NewServer(hang, transport.DecodeBytes, transport.EncodeBytes),
		"Ask": transport.NewServer(func(ctx context.Context, r any) (any, error) { asked <- struct{}{}; return hang(ctx, r) },
			transport.DecodeBytes, transport.EncodeBytes),
	})
	silent := peer(t, func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) })
	nobody := transport.Node{Network: "tcp", Address: "127.0.0.1:1"}
	call := func(p muxpool.Pool, n transport.Node, method string, size int, opts ...transport.ClientOption) error {
		_, err := transport.NewClient(p, n, native.Protocol{}, method, transport.EncodeBytes, transport.DecodeBytes, opts...).Endpoint()(inTime(t), make([]byte, size))
		return err
	}
	coded := func(n transport.Node, enc transport.EncodeRequestFunc, dec transport.DecodeResponseFunc) error {
		_, err := transport.NewClient(pool(t), n, native.Protocol{}, "Echo", enc, dec).Endpoint()(inTime(t), []byte{})
		return err
	}
	hangs := func(ctx context.Context, method string) error {
		_, err := transport.NewClient(pool(t), node, native.Protocol{}, method, transport.EncodeBytes, transport.DecodeBytes).Endpoint()(ctx, []byte{})
		return err
	}
	late := func() (err error) {
		peertest.Late(t.Context(), func(ctx context.Context) bool {
			err = hangs(ctx, "Hang")
			return verdict.Of(err).Ran == verdict.Maybe
		})
		return err
	}
	leaves := func() error {
		ctx, cancel := context.WithCancel(inTime(t))
		defer cancel()
		go func() {
			select {
			case <-asked:
				cancel()
			case <-ctx.Done():
			}
		}()
		return hangs(ctx, "Ask")
	}
	closed := pool(t)
	closed.Close()
	return []kind{
		{"the request cannot be encoded", coded(node, func(context.Context, *transport.Message, any) error { return boom }, transport.DecodeBytes)},
		{"an encode function's own call found no node", coded(node, func(ctx context.Context, _ *transport.Message, _ any) error {
			return fmt.Errorf("token: %w", call(pool(t), nobody, "Echo", 1))
		}, transport.DecodeBytes)},
		{"the answer cannot be decoded", coded(node, transport.EncodeBytes, func(context.Context, *transport.Message) (any, error) { return nil, boom })},
		{"an option of the Client makes no sense", call(pool(t), node, "Echo", 1, transport.ClientTimeout(-1))},
		{"nobody listens", call(pool(t), nobody, "Echo", 1)},
		{"nobody answers the dial in time", call(pool(t, muxpool.WithDialTimeout(50*time.Millisecond), muxpool.WithDialContext(neverDials)), node, "Echo", 1)},
		{"the connection was lost after the request was sent", call(pool(t), peer(t, readOnce), "Echo", 1)},
		{"the peer sends garbage", call(pool(t), peer(t, func(nc net.Conn) { readOnce(nc); _, _ = nc.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }), "Echo", 1)},
		{"the peer shows no sign of life", call(pool(t, muxpool.WithKeepAlive(50*time.Millisecond)), silent, "Echo", 1)},
		{"the caller's time ended after the request was sent", late()},
		{"the caller's time ended before there was a connection", func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			_, err := transport.NewClient(pool(t, muxpool.WithDialContext(neverDials)), node, native.Protocol{}, "Echo", transport.EncodeBytes, transport.DecodeBytes).Endpoint()(ctx, []byte{})
			return err
		}()},
		{"the caller left", leaves()},
		{"the request is over the pool's limit", call(pool(t, muxpool.WithMaxFrameSize(1024)), node, "Echo", 2000)},
		{"the answer is over the pool's limit", call(pool(t, muxpool.WithMaxFrameSize(64)), peer(t, func(nc net.Conn) {
			for {
				id, frame, err := native.Protocol{}.Parse(nc)
				if err != nil {
					return
				}
				if (native.Protocol{}).ClassifyRequest(id, frame) == transport.RequestCall {
					answer, _ := native.Protocol{}.AppendResponse(nil, id, nil, &transport.Message{Body: make([]byte, 900)})
					_, _ = nc.Write(answer)
				}
			}
		}), "Echo", 1)},
		{"the pool was closed", call(closed, node, "Echo", 1)},
	}
}

// ofThePackages are errors that breaker, endpoint and transport make themselves.
func ofThePackages() []kind {
	node := muxpool.Node{Network: "tcp", Address: "a:1"}
	open := &breaker.OpenError{Node: node, RetryAfter: time.Second, Cause: transport.Business(402, "no")}
	unsent := muxendpoint.Failure{Number: 1, Node: node, Err: open}
	business := muxendpoint.Failure{Number: 2, Node: node, Err: &transport.Error{Code: transport.CodeBusiness, Status: 402, Remote: true}}
	lost := muxendpoint.Failure{Number: 1, Node: node, Err: io.ErrUnexpectedEOF}
	recovered := func(v any) error {
		_, err := muxendpoint.Recovery(nil)(func(context.Context, any) (any, error) { panic(v) })(context.Background(), nil)
		return err
	}
	return []kind{
		{"a literal `transport.Error` of a middleware", &transport.Error{Code: transport.CodeUnavailable}},
		{"`OpenError`, whatever its cause", open},
		{"`AllOpenError`", &muxendpoint.AllOpenError{Nodes: []*breaker.OpenError{open}, RetryAfter: time.Second}},
		{"`NoNodesError`", &muxendpoint.NoNodesError{Cause: io.EOF}},
		{"`RemovedError`", &muxendpoint.RemovedError{Node: node}},
		{"`WaitError`: its time was over", &muxendpoint.WaitError{For: &muxendpoint.NoNodesError{}}},
		{"`WaitError`: the caller's time ended", &muxendpoint.WaitError{For: &muxendpoint.NoNodesError{}, Cause: context.DeadlineExceeded}},
		{"`WaitError`: too many wait", &muxendpoint.WaitError{For: &muxendpoint.NoNodesError{}, Cause: muxendpoint.ErrTooManyWaiting}},
		{"`ErrSetClosed`", muxendpoint.ErrSetClosed},
		{"`LimitError`", &muxendpoint.LimitError{Limit: 1}},
		{"a panic that Recovery caught", recovered("boom")},
		{"the same, of an error", recovered(transport.Business(1, "no"))},
		{"`transport.PanicError`", &transport.PanicError{Value: "boom"}},
		{"`ErrType`", fmt.Errorf("%w: x", muxendpoint.ErrType)},
		{"`ErrInvalidOption`", fmt.Errorf("%w: x", muxendpoint.ErrInvalidOption)},
		{"`RetryError`: no node", &muxendpoint.RetryError{GaveUp: muxendpoint.GaveUpNoNode, Cause: &muxendpoint.NoNodesError{}}},
		{"`RetryError`: not sent, then the business's no", &muxendpoint.RetryError{GaveUp: muxendpoint.GaveUpNotRetryable, Attempts: []muxendpoint.Failure{unsent, business}}},
		{"`RetryError`: lost, then not sent", &muxendpoint.RetryError{GaveUp: muxendpoint.GaveUpTimeout, Attempts: []muxendpoint.Failure{lost, unsent}}},
	}
}

// ofOthers are errors of go-kit, gobreaker, the standard library and unknown packages.
func ofOthers() []kind {
	return []kind{
		{"`context.Canceled`", context.Canceled},
		{"`context.DeadlineExceeded`", context.DeadlineExceeded},
		{"go-kit's `ratelimit.ErrLimited`", ratelimit.ErrLimited},
		{"`gobreaker.ErrOpenState`, `ErrTooManyRequests`", gobreaker.ErrOpenState},
		{"go-kit's `lb.ErrNoEndpoints`", lb.ErrNoEndpoints},
		{"go-kit's `lb.RetryError`, by its Final", lb.RetryError{Final: gobreaker.ErrOpenState}},
		{"a dial of the standard library failed", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}},
		{"the same, for want of a descriptor or a port of this process", &net.OpError{Op: "dial", Err: syscall.EMFILE}},
		{"the same, and the caller had left", &net.OpError{Op: "dial", Err: context.Canceled}},
		{"a connection of the standard library was reset", &net.OpError{Op: "read", Err: syscall.ECONNRESET}},
		{"the same, given up by the kernel (`ETIMEDOUT`)", &net.OpError{Op: "read", Err: syscall.ETIMEDOUT}},
		{"`io.EOF`", io.EOF},
		{"`encoding/json` cannot read an answer", &json.SyntaxError{}},
		{"`encoding/json` cannot write a request", &json.UnsupportedTypeError{}},
		{"`http.MaxBytesError`", &http.MaxBytesError{}},
		{"go-kit's `jsonrpc.Error`: a number of the service's own", kitjsonrpc.Error{Code: 402}},
		{"go-kit's `jsonrpc.Error`: no such method", kitjsonrpc.Error{Code: -32601}},
		{"the limiter of go-kit's `NewDelayingLimiter`", errors.New("rate: Wait(n=1) would exceed context deadline")},
		{"go-kit's `HandyBreaker` is open", errors.New("circuit open")},
		{"`StatusCode()` 404", statusError(404)},
		{"`StatusCode()` 429", statusError(429)},
		{"`StatusCode()` 503", statusError(503)},
		{"`StatusCode()` 22", statusError(22)},
		{"`Sent()` false of another package", unsentError{}},
		{"any other error", errors.New("x")},
	}
}

// answered are the ways in which a server's endpoint can end.
func answered(t *testing.T) []kind {
	kinds := []kind{}
	for c := transport.CodeCanceled; c <= transport.CodeTooLarge; c++ {
		kinds = append(kinds, kind{"`Error` " + c.String(), &transport.Error{Code: c, Message: "why"}})
	}
	nobody := transport.Node{Network: "tcp", Address: "127.0.0.1:1"}
	_, dead := transport.NewClient(pool(t), nobody, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes).Endpoint()(inTime(t), []byte{})
	open := &breaker.OpenError{Node: nobody, RetryAfter: time.Second}
	return append(kinds,
		kind{"`Error` of a newer code, 100", &transport.Error{Code: 100, Message: "why"}},
		kind{"`Business(402)`", transport.Business(402, "why")},
		kind{"`StatusCode()` 404", statusError(404)},
		kind{"`StatusCode()` 22", statusError(22)},
		kind{"`ratelimit.ErrLimited`", ratelimit.ErrLimited},
		kind{"`LimitError`", &muxendpoint.LimitError{Limit: 1}},
		kind{"a Client within found no node", dead},
		kind{"`OpenError` of a breaker within", open},
		kind{"`RetryError` of that", &muxendpoint.RetryError{GaveUp: muxendpoint.GaveUpNoNode, Cause: open}},
		kind{"a refusal, unrun, of a server behind", &transport.Error{Code: transport.CodeResourceExhausted, Remote: true, NotRun: true, Node: nobody}},
		kind{"an unknown method of a server behind", &transport.Error{Code: transport.CodeUnimplemented, Remote: true, NotRun: true, Node: nobody}},
		kind{"`context.Canceled`", context.Canceled},
		kind{"`context.DeadlineExceeded`", context.DeadlineExceeded},
		kind{"any other error", errors.New("x")},
		kind{"a panic", errPanics},
		kind{"a panic that Recovery caught", errRecovers},
		kind{"no such method", errNoMethod},
		kind{"the request cannot be decoded", errUndecodable},
		kind{"a middleware of `ServerMiddleware` limits", errTurnedAway},
		kind{"the Service is at its limit", errAtTheLimit},
	)
}

// What a server does other than returning an error.
var (
	errPanics      = errors.New("panics")
	errRecovers    = errors.New("recovers")
	errNoMethod    = errors.New("no method")
	errUndecodable = errors.New("undecodable")
	errTurnedAway  = errors.New("turned away")
	errAtTheLimit  = errors.New("at the limit")
)

// askFailing calls a server that ends the call so, over the protocol.
func askFailing(t *testing.T, p transport.ServerProtocol, how error) error {
	t.Helper()
	method, dec := "/s/M", transport.DecodeRequestFunc(transport.DecodeBytes)
	var options []transport.ServerOption
	e := func(context.Context, any) (any, error) { return nil, how }
	asked := method
	var service []transport.ServiceOption
	release, entered := make(chan struct{}), make(chan struct{}, 1)
	switch how {
	case errPanics:
		e = func(context.Context, any) (any, error) { panic("boom") }
	case errRecovers:
		e = muxendpoint.Recovery(nil)(func(context.Context, any) (any, error) { panic("boom") })
	case errNoMethod:
		asked = "/s/lacking"
	case errUndecodable:
		dec = func(context.Context, *transport.Message) (any, error) { return nil, errors.New("x") }
	case errTurnedAway:
		options = append(options, transport.ServerMiddleware(muxendpoint.Judging(), ratelimit.NewErroringLimiter(never{})))
	case errAtTheLimit:
		service = append(service, transport.ServiceMaxInFlight(10, 1))
		e = func(context.Context, any) (any, error) { entered <- struct{}{}; <-release; return nil, nil }
	}
	node := serveMethods(t, p, map[string]*transport.Server{method: transport.NewServer(e, dec, transport.EncodeBytes, options...)}, service...)
	client := transport.NewClient(pool(t), node, p, asked, transport.EncodeBytes, transport.DecodeBytes).Endpoint()
	body := []byte(`"x"`) // JSON-RPC wants a JSON value
	if how == errAtTheLimit {
		done := make(chan struct{})
		go func() { defer close(done); _, _ = client(inTime(t), body) }()
		defer func() { close(release); bounded.Receive(t, done) }()
		select {
		case <-entered:
		case <-time.After(waitTime):
			t.Fatal("the first call did not arrive")
		}
	}
	_, err := client(inTime(t), body)
	if err == nil {
		t.Fatalf("%T, %v: answered", p, how)
	}
	return err
}

// never is a go-kit Allower that allows nothing.
type never struct{}

func (never) Allow() bool { return false }

type statusError int

func (e statusError) Error() string   { return fmt.Sprintf("status %d", int(e)) }
func (e statusError) StatusCode() int { return int(e) }

type unsentError struct{}

func (unsentError) Error() string { return "never left" }
func (unsentError) Sent() bool    { return false }

func pool(t *testing.T, opts ...muxpool.PoolOption) *muxpool.Multiplexed {
	t.Helper()
	p, err := muxpool.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func neverDials(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// readOnce reads what comes first, and hangs up when it returns.
func readOnce(nc net.Conn) { _, _ = nc.Read(make([]byte, 4096)) }

// peer listens, has do deal with each connection, and closes it then.
func peer(t *testing.T, do func(net.Conn)) transport.Node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				_ = nc.SetDeadline(time.Now().Add(waitTime))
				do(nc)
			}()
		}
	}()
	return transport.Node{Network: "tcp", Address: l.Addr().String()}
}

// serveMethods starts a Service.
func serveMethods(t *testing.T, p transport.ServerProtocol, methods map[string]*transport.Server, opts ...transport.ServiceOption) transport.Node {
	t.Helper()
	s := transport.NewService(p, opts...)
	for m, server := range methods {
		s.Handle(m, server)
	}
	return transport.Node{Network: "tcp", Address: peertest.Serve(t, s, "127.0.0.1:0", transport.ErrServiceClosed)}
}
