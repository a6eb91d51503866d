package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	kithttp "github.com/go-kit/kit/transport/http"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// Every error of the package says what it means, and go-kit's HTTP transport answers it
// with a status of that.
func TestErrorsTellTheirVerdict(t *testing.T) {
	out := &breaker.OpenError{Node: node("a"), RetryAfter: time.Second, Cause: transport.Business(1, "")}
	for _, c := range []struct {
		err    error
		want   string
		status int
	}{
		{&NoNodesError{}, "unavailable: nobody, not sent", 503},
		{&NoNodesError{Cause: transport.Business(1, "of the discovery")}, "unavailable: nobody, not sent", 503},
		{&RemovedError{}, "unavailable: nobody, not sent", 503},
		{newAllOpenError([]*breaker.OpenError{out}), "unavailable: nobody, not sent, retry after 1s", 503},
		{ErrSetClosed, "unavailable: caller, not sent", 503},
		{&LimitError{Limit: 1}, "resource exhausted: overload, not sent", 429},
		{&LimitError{Limit: 1, Cause: context.Canceled}, "resource exhausted: overload, not sent", 429},
		{&PanicError{Value: "x"}, "internal: caller, maybe ran", 500},
		{&PanicError{Value: transport.Business(402, "no money")}, "internal: caller, maybe ran", 500},
		{ErrType, "internal: caller, maybe ran", 500},
		{errExited, "internal: caller, maybe ran", 500},
		{ErrInvalidOption, "invalid: caller, not sent", 500},
		{&RetryError{Cause: lb.ErrNoEndpoints}, "unavailable: nobody, not sent", 503},
	} {
		name := fmt.Sprintf("%T %v", c.err, c.err)
		equal(t, name, verdict.Of(c.err).String(), c.want)
		equal(t, name+" within another", verdict.Of(fmt.Errorf("here: %w", c.err)).String(), c.want)
		equal(t, name+", sent", c.err.(interface{ Sent() bool }).Sent(), !strings.Contains(c.want, "not sent"))
		w := httptest.NewRecorder()
		kithttp.DefaultErrorEncoder(t.Context(), c.err, w)
		equal(t, name+", over HTTP", w.Code, c.status)
	}
	equal(t, "an invalid option, as it is told", verdict.Of(invalid("WithPolicy(9)")), verdict.Of(ErrInvalidOption))
}

// A closed Set is asked once: no attempt would come to another end.
func TestAClosedSetIsNotAskedAgain(t *testing.T) {
	calls := 0
	closed := func(context.Context, any) (any, error) { calls++; return nil, ErrSetClosed }
	nodes := FixedEndpointer{NewNodeEndpoint(node("a"), closed), NewNodeEndpoint(node("b"), closed)}
	_, err := Retry(3, 0, NewBalancer(nodes), WithIdempotent(Always))(t.Context(), nil)
	mustBe(t, err, ErrSetClosed)
	equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpNotRetryable)
	equal(t, "calls", calls, 1)
}

// What a call ends with that no node took names its method, and what is told of a wait has its reason.
func TestErrorsOfCallsNameTheirMethod(t *testing.T) {
	for want, c := range map[string]struct {
		of   sd.Instancer
		opts []Option
	}{
		"no usable node (nobody, not sent)": {discover(), []Option{WithoutWait()}},
		"all 1 nodes are out (nobody, not sent), retry after 1s; tcp://a:1 is out (node expelled)": {sd.FixedInstancer{"a:1"}, []Option{WithoutWait()}},
		"waited 1s for a node (nobody, not sent): no usable node":                                  {discover(), []Option{WithWait(time.Second)}},
		"waited 1s for a node (nobody, not sent): all 1 nodes are out, retry after 1s; tcp://a:1":  {sd.FixedInstancer{"a:1"}, []Option{WithWait(time.Second)}},
		"waited 1s for a node (path, not sent): never left":                                        {sd.FixedInstancer{"b:1"}, []Option{WithWait(time.Second)}},
		"gave up after 0 attempts (no node): no usable node (nobody, not sent)":                    {discover(), []Option{WithoutWait(), WithRetry(3, 0)}},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &shop{fleet: fleet{do: func(muxpool.Node, context.Context) error { return errUnsent }}}
			s := NewSet(c.of, nil, append(c.opts, withBreakers(newSwitchboard(node("a"))))...)
			defer s.Close()
			_, err := s.EndpointFrom("Get", f.factory)(t.Context(), nil)
			if got, want := fmt.Sprint(err), "muxendpoint: Get: "+want; !strings.HasPrefix(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// A panic that Recovery has caught is answered as one: not with its value, nor as what
// the value would be as an error.
func TestARecoveredPanicIsAnsweredAsInternal(t *testing.T) {
	for _, value := range []any{"the secret", transport.Business(402, "the secret"), errors.New("the secret")} {
		address, _ := serve(t, "Boom", func(string) endpoint.Endpoint {
			return Recovery(nil)(func(context.Context, any) (any, error) { panic(value) })
		})
		c := transport.NewClient(newPool(t), muxpool.Node{Network: "tcp", Address: address}, native.Protocol{}, "Boom", transport.EncodeBytes, transport.DecodeBytes)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := c.Endpoint()(ctx, []byte("x"))
		e := as[*transport.Error](t, err)
		if e.Code != transport.CodeInternal || strings.Contains(e.Message, "secret") || e.Status != 0 {
			t.Errorf("panic(%v) is answered as %v", value, e)
		}
	}
	value := errors.New("the value")
	mustBe(t, &PanicError{Value: value}, value, transport.ErrPanicked)
}

// The words of a peer are quoted once: by the error that holds them, and by what writes
// the line.
func TestTheWordsOfAPeerAreQuotedOnce(t *testing.T) {
	e := &transport.Error{Code: transport.CodeInternal, Message: "line\nbreak"}
	equal(t, "what the transport has quoted", shown(e.Error(), maxText), `internal: "line\nbreak"`)
	equal(t, "what prints", shown("no money", 100), "no money")
	equal(t, "what is long", shown("abcdef", 3), "abc...")
	equal(t, "what does not print", shown("a\nb", 100), `"a\nb"`)
	equal(t, "what is cut within a letter", shown(strings.Repeat("ä", 10), 3), "ä...")
}
