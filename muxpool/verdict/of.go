package verdict

import (
	"context"
	"errors"
	"slices"

	"github.com/go-kit/kit/endpoint"
)

// Teller is an error that says what it means.
type Teller interface {
	error
	Verdict() Verdict
}

// ErrOvertaken is the cause of an attempt's context that ended because another
// attempt, begun later, has the answer.
var ErrOvertaken = errors.New("verdict: another attempt was faster")

// Of says what err means. The outermost error of its chain that says anything
// speaks. An error about which nothing is known was found on this side, and is
// the node's: whoever knows better tells it (see Tell). The verdict of nil is the
// zero Verdict.
func Of(err error) (v Verdict) {
	if err == nil {
		return Verdict{}
	}
	defer func() {
		if recover() != nil { // a nil pointer that is an error, or a method of the error's own
			v = Verdict{Code: CodeUnknown, Whose: Node}
		}
	}()
	if v, ok := search(err, 0); ok {
		if v.Code == 0 { // it has failed, whatever it says
			v.Code = CodeUnknown
		}
		return v
	}
	if timedOut(err, 0) {
		return ByCode(CodeDeadlineExceeded)
	}
	return Verdict{Code: CodeUnknown, Whose: Node}
}

// timedOut reports whether the first of a chain that knows, as net.Error does, says that
// time ran out.
func timedOut(err error, depth int) bool {
	if t, ok := err.(interface{ Timeout() bool }); ok {
		return t.Timeout()
	}
	if depth++; depth > maxDepth {
		return false
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		inner := u.Unwrap()
		return inner != nil && timedOut(inner, depth)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(u.Unwrap(), func(e error) bool { return e != nil && timedOut(e, depth) })
	}
	return false
}

// Call says what the end of a call means: its answer, which may be an
// endpoint.Failer that has failed, or its error. ctx is the caller's: who has left
// has not been failed by anybody.
func Call(ctx context.Context, response any, err error) Verdict {
	if err == nil {
		if f, ok := response.(endpoint.Failer); ok && f.Failed() != nil {
			v := ByCode(CodeBusiness)
			v.Answered = true
			return v
		}
		return Verdict{Ran: Yes, Answered: true}
	}
	v := Of(err)
	switch {
	case v.CountsAgainst() == Nobody:
	case ctx.Err() == context.Canceled:
		v.Code, v.Whose = CodeCanceled, Nobody
	case ctx.Err() == context.DeadlineExceeded && isLate(ctx, v, err):
		v.Code, v.Whose = CodeDeadlineExceeded, Method
	}
	return v
}

// isLate reports whether err says no more than that the time of its caller is over. It may be what
// he calls that, as with context.WithTimeoutCause: net/http and others return it instead of the
// context's error. And a dial of package net that the context ends is as one that took too long.
func isLate(ctx context.Context, v Verdict, err error) (is bool) {
	defer func() { _ = recover() }() // of a method of the error's own
	if v == unsent {
		return timedOut(err, 0)
	}
	return v.Code == CodeUnknown && !v.Answered && errors.Is(err, context.Cause(ctx))
}

// search looks for the first error that says anything, from the outside in, in the
// order of errors.As.
func search(err error, depth int) (Verdict, bool) {
	if depth++; depth > maxDepth {
		return Verdict{}, false
	}
	if t, ok := err.(Teller); ok {
		return t.Verdict(), true
	}
	if v, ok := known(err); ok {
		return v, true
	}
	if s, ok := err.(interface{ Sent() bool }); ok && s.Sent() {
		return maybeSent(err, depth), true
	}
	return searchCauses(err, depth)
}

// maybeSent judges another package's error that says itself that the request may have
// been sent: what it wraps may say whose it is, and nothing of that.
func maybeSent(err error, depth int) Verdict {
	v, ok := searchCauses(err, depth)
	if !ok {
		v = Verdict{Code: CodeUnknown, Whose: Node}
	}
	if v.SafeToRetry() {
		v.Ran = Maybe
	}
	return v
}

// maxDepth bounds a chain that never ends.
const maxDepth = 100

func searchCauses(err error, depth int) (Verdict, bool) {
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		if inner := u.Unwrap(); inner != nil {
			return search(inner, depth)
		}
	case interface{ Unwrap() []error }:
		return ofSeveral(u.Unwrap(), depth)
	}
	return Verdict{}, false
}

// ofSeveral judges errors that stand side by side: the first that says anything says whose
// it is, but any of them may be that of a request that was run, and one that says nothing
// may be that too.
func ofSeveral(errs []error, depth int) (v Verdict, ok bool) {
	ran := NotSent
	for _, err := range errs {
		if err == nil {
			continue
		}
		w, says := search(err, depth)
		if says && !ok {
			v, ok = w, true
		}
		ran = ran.Most(w.Ran) // Maybe, if it says nothing
	}
	v.Ran = ran
	return v, ok
}
