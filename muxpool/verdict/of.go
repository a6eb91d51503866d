package verdict

import (
	"context"
	"errors"

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
func Of(err error) Verdict {
	if err == nil {
		return Verdict{}
	}
	if v, ok := search(err); ok {
		return v
	}
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		return ByCode(CodeDeadlineExceeded)
	}
	return Verdict{Code: CodeUnknown, Whose: Node}
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
	if v.CountsAgainst() != Nobody && ctx.Err() == context.Canceled {
		v.Code, v.Whose = CodeCanceled, Nobody
	}
	return v
}

// search looks for the first error that says anything, from the outside in, in the
// order of errors.As.
func search(err error) (Verdict, bool) {
	if t, ok := err.(Teller); ok {
		return t.Verdict(), true
	}
	if v, ok := known(err); ok {
		return v, true
	}
	if s, ok := err.(interface{ Sent() bool }); ok && s.Sent() {
		return maybeSent(err), true
	}
	return searchCauses(err)
}

// maybeSent judges another package's error that says itself that the request may have
// been sent: what it wraps may say whose it is, and nothing of that.
func maybeSent(err error) Verdict {
	v, ok := searchCauses(err)
	if !ok {
		v = Verdict{Code: CodeUnknown, Whose: Node}
	}
	if v.SafeToRetry() {
		v.Ran = Maybe
	}
	return v
}

func searchCauses(err error) (Verdict, bool) {
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		if inner := u.Unwrap(); inner != nil {
			return search(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range u.Unwrap() {
			if inner == nil {
				continue
			}
			if v, ok := search(inner); ok {
				return v, true
			}
		}
	}
	return Verdict{}, false
}
