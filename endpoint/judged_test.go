package endpoint

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// The tests of this file put what calls end with through the whole chain: a Set with
// breakers and retries, and services on the loopback, over tRPC, whose numbers are the
// most likely to be misread.

// allAnswered makes calls one after the other.
func allAnswered(t *testing.T, ep endpoint.Endpoint, calls int) {
	t.Helper()
	for i := range calls {
		if _, err := ep(t.Context(), []byte("x")); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
}

func answer(context.Context, any) (any, error) { return []byte("fine"), nil }

// never is the limiter of a node that takes nothing.
type never struct{}

func (never) Allow() bool { return false }

type balance struct{ Reason string }

func (b balance) Failed() error {
	if b.Reason == "" {
		return nil
	}
	return errors.New(b.Reason)
}

// "Insufficient funds" is an answer, however many in a row.
func TestAnswersOfTheBusinessHarmNoNode(t *testing.T) {
	var ran atomic.Int64
	l := listen(t)
	svc := transport.NewService(trpc.Protocol{})
	svc.Handle("/s/Pay", transport.NewServer(func(context.Context, any) (any, error) {
		ran.Add(1)
		return balance{"insufficient funds"}, nil
	}, transport.DecodeBytes, transport.EncodeJSON))
	serveOn(t, svc, l)
	s := newScene(t, []string{l.Addr().String()}, WithIdempotent(Always))
	pay := s.Endpoint("Pay", func(n transport.Node) *transport.Client {
		return transport.NewClient(s.pool, n, trpc.Protocol{}, "/s/Pay", transport.EncodeBytes, transport.DecodeJSON[balance])
	})
	for range 50 {
		got, err := pay(t.Context(), []byte("x"))
		if b, ok := got.(balance); err != nil || !ok || b.Failed() == nil {
			t.Fatalf("%v, %v", got, err)
		}
	}
	equal(t, "runs", ran.Load(), 50)
	equal(t, "outcome business", s.outcomes("business"), 50)
	s.allWell(t)
}

// A node of an older version lacks a method: calls of it go to the node that has it, and
// the older node keeps its other methods.
func TestAMethodIsCalledOnTheNodeThatHasIt(t *testing.T) {
	older := serveMethods(t, map[string]endpoint.Endpoint{"Old": answer})
	newer := serveMethods(t, map[string]endpoint.Endpoint{"Old": answer, "New": answer})
	s := newScene(t, []string{older, newer}, WithPolicy(RoundRobin))
	allAnswered(t, s.Endpoint("New", s.client("New")), 100)
	if s.outcomes("refused") < 5 {
		t.Errorf("the older node was asked %v times: nothing was shown", s.outcomes("refused"))
	}
	s.allWell(t)
	old := s.Endpoint("Old", s.client("Old"))
	allAnswered(t, old, 100)
	s.attempts.mu.Lock()
	defer s.attempts.mu.Unlock()
	for _, address := range []string{older, newer} {
		if n := s.attempts.values["method Old node tcp://"+address+" outcome ok"]; n < 40 {
			t.Errorf("%s answered %v of 100 calls of the old method", address, n)
		}
	}
}

var errBadToken = errors.New("the token has expired")

// One caller's bad tokens shut out nobody: the service says whose fault it is by a rule for
// the errors of its authentication.
func TestBadCredentialsHarmNoNode(t *testing.T) {
	auth := func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			if string(request.([]byte)) != "good" {
				return nil, errBadToken
			}
			return next(ctx, request)
		}
	}
	rule := verdict.Is(errBadToken, verdict.CodeUnauthenticated)
	address := serveMethods(t, map[string]endpoint.Endpoint{"Get": answer}, transport.ServerMiddleware(Judging(rule), auth))
	s := newScene(t, []string{address}, WithIdempotent(Always))
	get := s.Endpoint("Get", s.client("Get"))
	for range 50 {
		_, err := get(t.Context(), []byte("bad"))
		e := as[*transport.Error](t, err)
		equal(t, "code", e.Code, transport.CodeUnauthenticated)
		equal(t, "HTTP status of a gateway", as[*RetryError](t, err).StatusCode(), http.StatusUnauthorized)
		if _, err := get(t.Context(), []byte("good")); err != nil {
			t.Fatalf("with a good token: %v", err)
		}
	}
	equal(t, "outcome caller", s.outcomes("caller"), 50) // not tried again
	s.allWell(t)
}

// A service behind a rate limit is well: its calls are answered by the idle node. Where the
// limit is a ServerMiddleware, whatever the request does; else if it is idempotent.
func TestCallsGoFromALimitedNodeToAnIdleOne(t *testing.T) {
	limiter := ratelimit.NewErroringLimiter(never{})
	idle := serveMethods(t, map[string]endpoint.Endpoint{"Get": answer})
	for name, c := range map[string]struct {
		busy    string
		opts    []Option
		outcome string
	}{
		"go-kit's, a ServerMiddleware": {serveMethods(t, map[string]endpoint.Endpoint{"Get": answer}, transport.ServerMiddleware(limiter)), nil, "refused"},
		"go-kit's, around the endpoint": {serveMethods(t, map[string]endpoint.Endpoint{"Get": limiter(answer)}),
			[]Option{WithIdempotent(Always), WithoutBudget()}, "failed"},
		"our Limit": {serveMethods(t, map[string]endpoint.Endpoint{"Get": answer}, transport.ServerMiddleware(taken(t))), nil, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, []string{c.busy, idle}, append(c.opts, WithPolicy(Random))...)
			allAnswered(t, s.Endpoint("Get", s.client("Get")), 100)
			if n := s.outcomes(c.outcome); n < 1 {
				t.Errorf("the limited node turned away %v calls: nothing was shown", n)
			}
			s.allWell(t)
		})
	}
}

// taken is a Limit(1) whose only place is taken.
func taken(t *testing.T) endpoint.Middleware {
	release, inside := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(release) })
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		first := true
		ep := Limit(1)(func(ctx context.Context, request any) (any, error) {
			if first {
				first = false
				close(inside)
				<-release
				return nil, nil
			}
			return next(ctx, request)
		})
		go ep(context.Background(), nil)
		<-inside
		return ep
	}
}

// What is turned away on this side is surely not sent, whoever turns it away: it is tried
// elsewhere whatever it does, and none is lost.
func TestWhatIsTurnedAwayAtHomeIsTriedElsewhere(t *testing.T) {
	target, err := url.Parse("http://" + peertest.Nobody(t))
	if err != nil {
		t.Fatal(err)
	}
	httpClient := kithttp.NewClient(http.MethodGet, target,
		func(context.Context, *http.Request, any) error { return nil },
		func(context.Context, *http.Response) (any, error) { return nil, nil }).Endpoint()
	open := gobreaker.NewCircuitBreaker(gobreaker.Settings{ReadyToTrip: func(gobreaker.Counts) bool { return true }, Timeout: time.Hour})
	open.Execute(func() (any, error) { return nil, errLost })
	for name, bad := range map[string]endpoint.Endpoint{
		"go-kit's rate limit":         ratelimit.NewErroringLimiter(never{})(answer),
		"gobreaker":                   func(context.Context, any) (any, error) { return open.Execute(func() (any, error) { return nil, nil }) },
		"go-kit's HTTP client's dial": httpClient,
		"our Limit":                   func(context.Context, any) (any, error) { return nil, &LimitError{Limit: 1} },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, []string{"a:1", "b:1"}, WithPolicy(RoundRobin))
			ep := s.EndpointFrom("Get", func(instance string) (endpoint.Endpoint, io.Closer, error) {
				if instance == "tcp://a:1" {
					return bad, nil, nil
				}
				return answer, nil, nil
			})
			allAnswered(t, ep, 400)
			if s.outcomes("not sent") == 0 || s.outcomes("failed") > 0 {
				t.Errorf("outcomes %v", s.attempts.values)
			}
		})
	}
}

// numbered is an error with a number of the service's own, which means another thing to
// a framework.
type numbered int

func (numbered) Error() string     { return "no" }
func (n numbered) StatusCode() int { return int(n) }

// A service's own number never says that a call was not run.
func TestANumberOfTheServicesOwnIsNoRefusal(t *testing.T) {
	for _, number := range []int{21, 22, 23, 24} {
		var ran atomic.Int64
		l := listen(t)
		svc := transport.NewService(trpc.Protocol{})
		svc.Handle("/s/Pay", transport.NewServer(func(context.Context, any) (any, error) {
			ran.Add(1)
			return nil, numbered(number)
		}, transport.DecodeBytes, transport.EncodeBytes))
		serveOn(t, svc, l)
		s := newScene(t, []string{l.Addr().String()})
		pay := s.Endpoint("Pay", func(n transport.Node) *transport.Client {
			return transport.NewClient(s.pool, n, trpc.Protocol{}, "/s/Pay", transport.EncodeBytes, transport.DecodeBytes)
		})
		_, err := pay(t.Context(), []byte("x"))
		e := as[*transport.Error](t, err)
		equal(t, "the number arrives", e.Status, number)
		equal(t, "runs", ran.Load(), 1)
	}
}

// An error that a middleware makes by hand promises nothing.
func TestAnErrorMadeByHandIsNoPromise(t *testing.T) {
	var ran atomic.Int64
	address := serveMethods(t, map[string]endpoint.Endpoint{"Pay": func(context.Context, any) (any, error) {
		ran.Add(1)
		return []byte("paid"), nil
	}})
	s := newScene(t, []string{address}, WithNodeMiddleware(func(string, muxpool.Node) endpoint.Middleware {
		return func(next endpoint.Endpoint) endpoint.Endpoint {
			return func(ctx context.Context, request any) (any, error) {
				if _, err := next(ctx, request); err != nil {
					return nil, err
				}
				return nil, &transport.Error{Code: transport.CodeInternal, Message: "the receipt is not signed"}
			}
		}
	}))
	_, err := s.Endpoint("Pay", s.client("Pay"))(t.Context(), []byte("x"))
	equal(t, "sent", as[*RetryError](t, err).Sent(), true)
	equal(t, "runs", ran.Load(), 1)
}
