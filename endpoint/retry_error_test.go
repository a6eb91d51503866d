package endpoint

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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

func TestRetryErrorText(t *testing.T) {
	e := &RetryError{GaveUp: GaveUpBudget, Cause: errors.New("why")}
	for range 20 {
		e.Attempts = append(e.Attempts, Failure{Number: 1, Err: errLost})
	}
	if s := e.Error(); !strings.Contains(s, "(budget): why; [1] answer lost") || !strings.HasSuffix(s, "and 12 more") {
		t.Error(s)
	}
	equal(t, "names", GaveUpTimeout.String()+GaveUp(99).String(), "timeoutunknown(99)")
}
