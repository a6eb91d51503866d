package breaker_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// What a refusal says to whoever asks: a retry, a breaker further out, a server's
// error encoder.
func TestOpenErrorSaysWhatItMeans(t *testing.T) {
	e := &breaker.OpenError{Node: nodeA, Method: "Sum", Reason: breaker.ReasonFailureRate, RetryAfter: time.Second,
		Cause: told(verdict.CodeUnimplemented)}
	want := verdict.Verdict{Code: verdict.CodeUnavailable, Whose: verdict.Nobody, Ran: verdict.NotSent, RetryAfter: time.Second}
	v := verdict.Of(e)
	switch {
	case v != want:
		t.Errorf("verdict: %v, want %v: its cause must not overrule it", v, want)
	case !v.SafeToRetry() || !v.Elsewhere(false) || v.CountsAgainst() != verdict.Nobody:
		t.Errorf("%v", v)
	case e.StatusCode() != http.StatusServiceUnavailable || e.Sent():
		t.Errorf("status %d, sent %v", e.StatusCode(), e.Sent())
	case !errors.Is(e, gobreaker.ErrOpenState) || errors.Is(e, gobreaker.ErrTooManyRequests):
		t.Errorf("%v unwraps to the wrong thing", e)
	}
	if want := "breaker: Sum is out on tcp://10.0.0.0:7000 (failure rate), retry after 1s: unimplemented"; e.Error() != want {
		t.Errorf("text is %q", e)
	}
}

// What a refusal does not know it does not tell.
func TestOpenErrorTellsWhatIsKnown(t *testing.T) {
	for want, e := range map[string]*breaker.OpenError{
		"breaker: tcp://10.0.0.0:7000 is out (forced open)": {Node: nodeA, Reason: breaker.ReasonForcedOpen},
		"breaker: tcp://10.0.0.0:7000 is out (tripped), retry after 500ms": {Node: nodeA, Reason: breaker.ReasonTripped,
			RetryAfter: 500 * time.Millisecond},
		"breaker: Sum is out on tcp://10.0.0.0:7000 (slow calls)":      {Node: nodeA, Method: "Sum", Reason: breaker.ReasonSlowCalls},
		"breaker: tcp://10.0.0.0:7000 is out (failure rate): sick":     {Node: nodeA, Reason: breaker.ReasonFailureRate, Cause: errSick},
		"breaker: tcp://10.0.0.0:7000 is out (conn lost): conn is out": {Node: nodeA, Reason: breaker.ReasonConnLost, Cause: errors.New("muxpool: conn is out")},
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e, want)
		}
		if !errors.Is(e, gobreaker.ErrOpenState) || e.Cause != nil && !errors.Is(e, e.Cause) {
			t.Errorf("%q unwraps to %v", e, e.Unwrap())
		}
	}
}

// What is told of a rate that was too high, with and without an error.
func TestRateErrorSaysWhatItFound(t *testing.T) {
	for want, e := range map[string]*breaker.RateError{
		"breaker: 3 of 10 calls in 10s were bad":                 {Calls: 10, Bad: 3, Window: 10 * time.Second},
		"breaker: 3 of 10 calls in 10s were bad, the last: sick": {Calls: 10, Bad: 3, Window: 10 * time.Second, Last: errSick},
	} {
		if e.Error() != want || !errors.Is(e.Unwrap(), e.Last) {
			t.Errorf("%q, want %q", e, want)
		}
	}
}
