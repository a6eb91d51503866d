package endpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

func TestRetryErrorHoldsEveryCauseNodeAndNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, three := &failure{"one", false}, &failure{"two", true}, &failure{"three", true}
		f := &fleet{do: script(one, two, three)}
		_, err := retryOver(f, 2, time.Minute, abc, WithIdempotent(Always))(t.Context(), nil)
		mustBe(t, err, one, two, three)
		e := as[*RetryError](t, err)
		equal(t, "gave up", e.GaveUp, GaveUpAttempts)
		want := []Failure{{1, node("a"), one}, {1, node("b"), two}, {2, node("c"), three}}
		if !slices.Equal(e.Attempts, want) {
			t.Errorf("attempts %v", e.Attempts)
		}
		equal(t, "sent", e.Sent(), true)
		equal(t, "text", err.Error(), "muxendpoint: gave up after 3 attempts (attempts); [1 tcp://a:1] one; [1 tcp://b:1] two; [2 tcp://c:1] three")
	})
}

func TestRetryErrorIsNotSentIfNoAttemptWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := retryOver(&fleet{do: script(errUnsent, errUnsent, errUnsent)}, 2, 0, abc)(t.Context(), nil)
		equal(t, "sent", as[*RetryError](t, err).Sent(), false)
	})
}

// The attempt that ended last speaks, and the others stay findable: "not sent", then "no
// money", is no money.
func TestTheLastAttemptSpeaksForTheCall(t *testing.T) {
	broke := &transport.Error{Code: transport.CodeBusiness, Status: 402, Remote: true}
	down := &transport.Error{Code: transport.CodeConnection, Err: errUnsent}
	f := &fleet{do: script(&breaker.OpenError{Node: node("a"), Cause: down}, broke)}
	_, err := retryOver(f, 3, 0, abc)(t.Context(), nil)
	equal(t, "what errors.As finds", as[*transport.Error](t, err), broke)
	want := verdict.ByCode(transport.CodeBusiness)
	want.Answered = true
	equal(t, "verdict", as[*RetryError](t, err).Verdict(), want)
	mustBe(t, err, down, gobreaker.ErrOpenState)
	equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpNotRetryable)
}

func TestTheVerdictOfARetryError(t *testing.T) {
	lost := &transport.Error{Code: transport.CodeInternal, Remote: true}
	unrun := refused(transport.CodeResourceExhausted)
	broke := transport.Business(402, "")
	open := newAllOpenError([]*breaker.OpenError{{Node: node("a"), RetryAfter: time.Second}})
	of := func(errs ...error) (all []Failure) {
		for i, err := range errs {
			all = append(all, Failure{Number: i + 1, Err: err})
		}
		return all
	}
	for name, c := range map[string]struct {
		err  *RetryError
		want string
	}{
		"no attempt":                 {&RetryError{GaveUp: GaveUpNoNode, Cause: open}, "unavailable: nobody, not sent, retry after 1s"},
		"the caller left before one": {&RetryError{GaveUp: GaveUpContext, Cause: context.Canceled}, "canceled: nobody, not sent"},
		"made by hand":               {&RetryError{}, "unknown: nobody, maybe ran"},
		"all unsent":                 {&RetryError{GaveUp: GaveUpNoNode, Attempts: of(errUnsent, errUnsent)}, "unavailable: path, not sent"},
		"unsent and refused":         {&RetryError{GaveUp: GaveUpAttempts, Attempts: of(unrun, errUnsent)}, "unavailable: path, refused"},
		"one may have run":           {&RetryError{GaveUp: GaveUpNoNode, Attempts: of(lost, errUnsent)}, "unavailable: path, maybe ran"},
		"answered":                   {&RetryError{GaveUp: GaveUpNotRetryable, Attempts: of(errUnsent, broke)}, "business: caller, ran"},
		"time is over":               {&RetryError{GaveUp: GaveUpTimeout, Attempts: of(lost), Cause: context.DeadlineExceeded}, "deadline exceeded: method, maybe ran"},
		"no time for another":        {&RetryError{GaveUp: GaveUpTimeout, Attempts: of(lost)}, "internal: method, maybe ran"},
		"the nodes went":             {&RetryError{GaveUp: GaveUpNoNode, Attempts: of(unrun), Cause: open}, "resource exhausted: overload, refused"},
		"multiplied already":         {&RetryError{GaveUp: GaveUpAttempts, Attempts: of(lost, lost)}, "internal: method, maybe ran, do not retry"},
		"multiplied, no budget":      {&RetryError{GaveUp: GaveUpBudget, Attempts: of(lost, lost)}, "internal: method, maybe ran, do not retry"},
		"not multiplied":             {&RetryError{GaveUp: GaveUpBudget, Attempts: of(errUnsent, lost)}, "internal: method, maybe ran"},
		"as the peer says":           {&RetryError{GaveUp: GaveUpNoRetry, Attempts: of(&transport.Error{NoRetry: true})}, "unknown: method, maybe ran, do not retry"},
	} {
		equal(t, name, verdict.Of(c.err).String(), c.want)
		equal(t, name+", timeout", c.err.Timeout(), strings.HasPrefix(c.want, "deadline"))
		if s := c.err.StatusCode(); s < 400 || s > 599 {
			t.Errorf("%s: HTTP status %d", name, s)
		}
	}
}

// What errors.As comes by: the last attempt first, then what ended the call beside it, and then the attempts before.
func TestTheOrderOfWhatARetryErrorUnwrapsTo(t *testing.T) {
	one, two, three, cause := errors.New("one"), errors.New("two"), errors.New("three"), errors.New("cause")
	for _, c := range []struct {
		attempts []error
		cause    error
		want     string
	}{
		{nil, nil, "[]"},
		{nil, cause, "[cause]"},
		{[]error{one}, nil, "[one]"},
		{[]error{one}, cause, "[one cause]"},
		{[]error{one, two}, nil, "[two one]"},
		{[]error{one, two, three}, cause, "[three cause two one]"},
	} {
		e := &RetryError{Cause: c.cause}
		for _, err := range c.attempts {
			e.Attempts = append(e.Attempts, Failure{Err: err})
		}
		equal(t, fmt.Sprintf("of %v and %v", c.attempts, c.cause), fmt.Sprint(e.Unwrap()), c.want)
	}
}

func TestRetryErrorText(t *testing.T) {
	e := &RetryError{GaveUp: GaveUpBudget, Cause: errors.New("why")}
	for range 20 {
		e.Attempts = append(e.Attempts, Failure{Number: 1, Err: errLost})
	}
	if s := e.Error(); !strings.Contains(s, "(budget): why; [1] answer lost") || !strings.HasSuffix(s, "and 12 more") {
		t.Error(s)
	}
	equal(t, "names", GaveUpTimeout.String()+GaveUpCaller.String()+GaveUp(99).String(), "timeoutcaller retriesunknown(99)")
}

// What is known of a node stands together and names it once, whoever has named it.
func TestRetryErrorNamesEachNodeOnce(t *testing.T) {
	a, b := node("a"), node("b")
	lost := func(n muxpool.Node, method, why string) error {
		return &transport.Error{Code: transport.CodeUnavailable, Node: n, Method: method, Remote: true, Message: why}
	}
	out := func(n muxpool.Node, cause error) *breaker.OpenError {
		return &breaker.OpenError{Node: n, Reason: breaker.ReasonNodeExpelled, Cause: cause}
	}
	for _, c := range []struct {
		err  RetryError
		want string
	}{
		{RetryError{Attempts: []Failure{{1, a, lost(a, "Sum", "x")}, {2, b, lost(b, "Sum", "y")}, {3, a, lost(a, "Sum", "x")}, {4, a, lost(a, "Sum", "z")}}},
			"Sum: gave up after 4 attempts (attempts); [1, 3 tcp://a:1] unavailable (method, maybe ran): x; [4 there] unavailable (method, maybe ran): z; [2 tcp://b:1] unavailable (method, maybe ran): y"},
		{RetryError{Attempts: []Failure{{1, a, out(a, lost(a, "Get", "x"))}, {1, b, &muxpool.Error{Op: "get", Node: b, Err: muxpool.ErrPoolClosed}}}},
			"gave up after 2 attempts (attempts); [1 tcp://a:1] is out (node expelled): Get: unavailable (method, maybe ran): x; [1 tcp://b:1] get (not sent): muxpool: pool closed"},
		{RetryError{Attempts: []Failure{{1, a, lost(a, "Sum", "x")}, {1, b, lost(b, "Sum", "y")}}, Cause: newAllOpenError([]*breaker.OpenError{out(a, lost(a, "Sum", "x")), out(b, errors.New("gone"))})},
			"Sum: gave up after 2 attempts (attempts): all 2 nodes are out (nobody, not sent); tcp://a:1 is out (node expelled): Sum: unavailable (method, maybe ran): x; tcp://b:1 is out (node expelled): gone; [1 there] unavailable (method, maybe ran): y"},
		{RetryError{Attempts: []Failure{{1, a, lost(a, "Sum", "x")}}, Cause: &WaitError{Waited: time.Second, For: out(b, nil), Cause: context.DeadlineExceeded}},
			"Sum: gave up after 1 attempts (attempts): waited 1s for a node (nobody, not sent): context deadline exceeded: breaker: tcp://b:1 is out (node expelled); [1 tcp://a:1] unavailable (method, maybe ran): x"},
		{RetryError{Cause: &NoNodesError{Cause: errors.New("no leader")}, method: "Sum"}, "Sum: gave up after 0 attempts (attempts): no usable node (nobody, not sent): no leader"},
	} {
		c.err.GaveUp = GaveUpAttempts
		if got := c.err.Error(); got != "muxendpoint: "+c.want {
			t.Errorf("got  %s\nwant muxendpoint: %s", got, c.want)
		}
	}
	same := lost(a, "Sum", "x")
	e := &RetryError{GaveUp: GaveUpContext, Attempts: []Failure{{1, a, same}}, Cause: &WaitError{Waited: time.Second, For: same, Cause: context.Canceled}}
	equal(t, "what was waited for is an attempt", e.Error(),
		"muxendpoint: Sum: gave up after 1 attempts (context): waited 1s for a node (nobody, maybe ran): context canceled; [1 tcp://a:1] unavailable (method, maybe ran): x")
}
