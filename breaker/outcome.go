package breaker

import (
	"context"
	"errors"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Outcome is what a call says about its node.
type Outcome uint8

const (
	// Success: the node did what it was asked.
	Success Outcome = iota
	// Failure: the node did not.
	Failure
	// Neutral: nothing was learned about the node.
	Neutral
)

// Classifier judges a call by its context, answer and error, in the place of
// package verdict: its Failure speaks against the node as a whole. It runs on the
// call path, possibly many times at once, and must not block. For a probe whose caller
// left, it gets the context's error while the call still runs.
type Classifier func(ctx context.Context, response any, err error) Outcome

// DefaultClassifier is what verdict.Call says, for a Classifier that knows some
// errors and leaves the others to it.
func DefaultClassifier(ctx context.Context, response any, err error) Outcome {
	v := verdict.Call(ctx, response, err)
	switch {
	case v.CountsAgainst() != verdict.Nobody:
		return Failure
	case v.Code == 0:
		return Success
	}
	return Neutral
}

// finding is what a call's end says, and of whom.
type finding uint8

const (
	nothing   finding = iota // nothing was learned
	well                     // the call succeeded
	alive                    // it did not, and that is not the node's fault: it has answered
	noWay                    // there was no connection, of which the pool tells more: it speaks against a probe only
	sickWay                  // the node failed, or the way to it
	sickCall                 // the method failed on that node, and the node has answered
	timeIsOut                // the method failed on that node: no answer came in time
)

// outcome is the finding in the words of Totals.
func (f finding) outcome() Outcome {
	switch f {
	case well:
		return Success
	case nothing, alive, noWay:
		return Neutral
	}
	return Failure
}

// find judges the end of a call.
func (c *call) find(ctx context.Context, response any, err error, took time.Duration) finding {
	set := c.node.set
	if set.classify != nil {
		if o, ok := c.classified(ctx, response, err); ok {
			return findingOf(o)
		}
	}
	f := well
	if err != nil {
		f = c.findError(ctx, response, err, took)
	} else if _, may := response.(endpoint.Failer); may && verdict.Call(ctx, response, nil).Code != 0 {
		f = alive // the business said no
	}
	if set.gobreaker != nil && set.gobreaker.IsSuccessful != nil && (err == nil || f.outcome() == Failure) {
		return c.byIsSuccessful(f, err)
	}
	return f
}

// classified asks the user's Classifier; ok is false if it panicked.
func (c *call) classified(ctx context.Context, response any, err error) (o Outcome, ok bool) {
	failed := c.method.group.contain("Classifier", func() { o = c.node.set.classify(ctx, response, err) })
	return o, failed == nil
}

// byIsSuccessful asks the IsSuccessful of the user's gobreaker.Settings about a call
// that was found to be f.
func (c *call) byIsSuccessful(f finding, err error) finding {
	good := false
	switch {
	case c.method.group.contain("IsSuccessful", func() { good = c.node.set.gobreaker.IsSuccessful(err) }) != nil:
		return f
	case good:
		return well
	case err == nil:
		return sickWay
	}
	return f
}

func findingOf(o Outcome) finding {
	switch o {
	case Success:
		return well
	case Failure:
		return sickWay
	}
	return nothing
}

// findError judges a call that ended with an error.
func (c *call) findError(ctx context.Context, response any, err error, took time.Duration) finding {
	v := verdict.Call(ctx, response, err)
	late := v.Code == verdict.CodeDeadlineExceeded
	switch against := v.CountsAgainst(); {
	case v.Ran != verdict.Yes && c.overtakenInSilence(ctx):
		return sickWay
	case against == verdict.Node && c.poolWillTell(v, err):
		return noWay
	case against == verdict.Node:
		return sickWay
	case against == verdict.Method && !late:
		return sickCall
	case against == verdict.Method && took >= c.method.usual.time():
		return timeIsOut
	case against == verdict.Nobody && v.Ran == verdict.Yes:
		return alive
	}
	return nothing
}

// overtakenInSilence reports whether another attempt was faster while nothing on
// this one's node succeeded.
func (c *call) overtakenInSilence(ctx context.Context) bool {
	return ctx.Err() != nil && context.Cause(ctx) == verdict.ErrOvertaken && c.lives == c.method.member.lives()
}

// poolWillTell reports whether a call that found no connection needs no judging,
// since the pool whose error it is tells the group of its nodes.
func (c *call) poolWillTell(v verdict.Verdict, err error) bool {
	if v.Whose != verdict.Path || v.Ran != verdict.NotSent || c.method.group.watched.Load() == 0 {
		return false
	}
	var p *muxpool.Error
	return errors.As(err, &p)
}
