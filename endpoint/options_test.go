package endpoint

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Options has the effect of all of its options, in order, and tells of each that is wrong.
func TestOptionsAreEachOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: script(errLost, errLost)}
		all := Options(WithIdempotent(nil), WithBackoff(1, 1), Options(WithIdempotent(Always)))
		if _, err := Retry(3, time.Second, NewBalancer(f.nodes(abc...), WithPolicy(RoundRobin)), all)(t.Context(), nil); err != nil {
			t.Error(err)
		}
		equal(t, "attempts", len(f.called()), 3)
	})
	_, err := Retry(1, 0, NewBalancer((&fleet{}).nodes("a")), Options(nil, WithHedging(-1)))(t.Context(), nil)
	mustBe(t, err, ErrInvalidOption)
	for _, want := range []string{"nil Option", "WithHedging(-1ns)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
