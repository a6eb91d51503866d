package endpoint

import (
	"context"
	"slices"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Judging has errors of other packages say what they mean: the first of rules that knows
// an error of the endpoint does, unless that says it itself (see verdict.Apply). What is
// outside of it, as a breaker, Retry or Instrumenting, goes by that; so its place is next
// to where the error arises. errors.Is and errors.As find the error as before.
func Judging(rules ...verdict.Rule) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		if slices.ContainsFunc(rules, func(r verdict.Rule) bool { return r == nil }) {
			return failing(invalid("Judging: a nil rule"))
		}
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			return response, verdict.Apply(err, rules...)
		}
	}
}

// WithJudging puts Judging around each node's endpoint, inside of its breaker and of all
// else, and adds to what was given before, which goes first.
func WithJudging(rules ...verdict.Rule) Option {
	return func(c *config) {
		if slices.ContainsFunc(rules, func(r verdict.Rule) bool { return r == nil }) {
			c.reject("WithJudging: a nil rule")
			return
		}
		c.rules = append(slices.Clip(c.rules), rules...)
	}
}

// judged puts the rules of WithJudging around ep.
func (c *config) judged(ep endpoint.Endpoint) endpoint.Endpoint {
	if len(c.rules) == 0 {
		return ep
	}
	return Judging(c.rules...)(ep)
}
