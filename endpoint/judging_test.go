package endpoint

import (
	"context"
	"errors"
	"testing"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

func TestJudgingTellsWhatForeignErrorsMean(t *testing.T) {
	foreign := errors.New("quota of the vendor")
	rules := []verdict.Rule{
		verdict.Is(foreign, verdict.CodeResourceExhausted),
		func(err error) (verdict.Verdict, bool) { return verdict.ByCode(verdict.CodeNotFound), true }, // the rest
	}
	for name, c := range map[string]struct {
		err  error
		want verdict.Code
	}{
		"the first rule that knows it": {foreign, verdict.CodeResourceExhausted},
		"the next":                     {errLost, verdict.CodeNotFound},
		"one that says so itself":      {transport.Business(7, ""), verdict.CodeBusiness},
		"none":                         {nil, 0},
	} {
		response, err := Judging(rules...)(answering("x", c.err))(t.Context(), nil)
		equal(t, name, verdict.Of(err).Code, c.want)
		equal(t, name+": is found as before", errors.Is(err, c.err), true)
		equal(t, name+": the answer", response, any("x"))
	}
	_, err := Judging(nil)(answering("x", nil))(t.Context(), nil)
	mustBe(t, err, ErrInvalidOption)
}

// What a Set's rules say its breakers go by, and its retries.
func TestASetsBreakersGoByItsRules(t *testing.T) {
	g := breaker.NewGroup(breaker.WithDetectors(breaker.ConsecutiveFailures(3)))
	defer g.Close()
	missing := errors.New("no such key")
	s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithBreakers(g), WithRetry(3, 0), WithIdempotent(Always), WithoutBudget(), WithoutWait(),
		WithJudging(verdict.Is(missing, verdict.CodeNotFound)))
	defer s.Close()
	f := &shop{}
	f.do = func(muxpool.Node, context.Context) error { return missing }
	get := s.EndpointFrom("Get", f.factory)
	for range 20 {
		_, err := get(t.Context(), nil)
		mustBe(t, err, missing)
		equal(t, "gave up", as[*RetryError](t, err).GaveUp, GaveUpNotRetryable)
	}
	equal(t, "calls", len(f.called()), 20)
	equal(t, "out", s.Nodes()[0].Open, nil)
}
