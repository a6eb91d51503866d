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
	alive                    // it did not, and that is nobody's fault: the node has answered
	noWay                    // there was no connection, or it was lost, of which the pool tells more: it speaks against a probe only
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

// counted is the finding in the words of the judges: who answers, and is not to blame, is
// as good as who does what he was asked.
func (f finding) counted() Outcome {
	if f == alive {
		return Success
	}
	return f.outcome()
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
	late := v.Code == verdict.CodeDeadlineExceeded && !(v.Answered && hasTime(ctx, took))
	switch against := v.CountsAgainst(); {
	case !fromPeer(v) && c.overtakenInSilence(ctx, took):
		return timeIsOut
	case against == verdict.Node && c.poolWillTell(v, err, took):
		return noWay
	case against == verdict.Node:
		return sickWay
	case against == verdict.Method && !late:
		return sickCall
	case against == verdict.Method && c.hadTime(took):
		return timeIsOut
	case against == verdict.Nobody && fromPeer(v) && !(v.Code == verdict.CodeCanceled && ctx.Err() != nil):
		return alive
	}
	return nothing
}

// fromPeer reports whether it is an answer of the peer's that v judges. A transport that
// does not tell may have run the call, at which nobody but the peer can have failed.
func fromPeer(v verdict.Verdict) bool { return v.Answered || v.Ran == verdict.Yes }

// nearlyOut is how little of a caller's time may be left when a peer says that it is over:
// clocks differ, and the answer has a way to go.
const nearlyOut = 5 * time.Millisecond

// hasTime reports whether a caller would have waited on for a call that took so long. A
// peer that gives it up all the same, for want of time, has nobody's time in mind but its own.
func hasTime(ctx context.Context, took time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	end, ends := ctx.Deadline()
	return !ends || time.Until(end) > max(took/3, nearlyOut)
}

// hadTime reports whether a call to which no answer came in time tells something of its
// node, or its method if that is one of several, rather than of a caller who gave it less
// than it takes. What a method takes depends on what it is asked for: who has waited long
// may still have asked for much, as long as others are answered.
func (c *call) hadTime(took time.Duration) bool {
	usual, answers := c.method.usual.time(), c.answers()
	if c.answered != answers {
		return took >= max(muchTime, usual*muchMore)
	}
	silent := c.silence().lasts(answers, c.start+int64(took), c.node.set.memory)
	return (took >= usual || silent >= max(longSilence, usual)) && c.tellsMore(took)
}

// overtakenInSilence reports whether another attempt was faster while this one's node,
// or method, answered nothing.
func (c *call) overtakenInSilence(ctx context.Context, took time.Duration) bool {
	return ctx.Err() != nil && context.Cause(ctx) == verdict.ErrOvertaken && c.answered == c.answers() &&
		c.tellsMore(took)
}

// tellsMore reports whether a call to which nothing was answered says more than those that
// were under way with it. A pause of the node's, for its garbage or for want of a processor,
// is one pause, however many wait for its end; what lasts longer is none.
func (c *call) tellsMore(took time.Duration) bool {
	return c.silence().another(c.start, c.start+int64(took)) || took >= longPause
}

// silence is that of what the call is judged as.
func (c *call) silence() *silence {
	if c.apart {
		return &c.method.silence
	}
	return &c.method.member.silence
}

// poolWillTell reports whether a call that found no connection, or lost it, needs no
// judging, since the pool whose error it is tells the group of its nodes. Many calls are
// lost with one connection, and none of them says more than the pool's one event. But
// there may be a pool of which nothing is heard beside those that are watched, and a node
// that takes connections and answers nothing: when nothing was answered for longer than a
// pool needs to tell, the calls speak for themselves.
func (c *call) poolWillTell(v verdict.Verdict, err error, took time.Duration) bool {
	m := c.method.member
	if v.Whose != verdict.Path || m.node.group.watched.Load() == 0 {
		return false
	}
	if p := (*muxpool.Error)(nil); !errors.As(err, &p) {
		return false
	}
	patience := firstWord
	if m.told.Load() {
		patience = lastWord
	}
	return m.silence.lasts(m.lives(), c.start+int64(took), c.node.set.memory) < patience
}
