package breaker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-kit/kit/ratelimit"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// answered is an error that the peer itself has answered.
func answered(v verdict.Verdict) error {
	v.Answered = true
	return verdict.Tell(errors.New(v.Code.String()), v)
}

// noes are answers of a node that is well.
func noes() []error {
	return []error{
		answered(verdict.ByCode(verdict.CodeNotFound)),
		answered(verdict.ByCode(verdict.CodeUnauthenticated)),
		answered(verdict.ByCode(verdict.CodeUnimplemented)),
		answered(verdict.ByCode(verdict.CodeResourceExhausted)),
		answered(verdict.ByCode(verdict.CodeUnavailable).AsRefused()),
		answered(verdict.ByCode(verdict.CodeCanceled)), // by somebody behind the node
		told(verdict.CodeBusiness),                     // of a transport that does not tell
	}
}

// Who answers at all lives, or the node would stay half-open for as long as nobody asks
// it for anything else.
func TestWhateverThePeerAnswersEndsAnEjection(t *testing.T) {
	for _, no := range noes() {
		bubble(t, nil, func(f *fixture) {
			f.calls(nodeA, 5, errSick)
			time.Sleep(500 * time.Millisecond)
			f.call(nodeA, no)
			f.state(nodeA, breaker.Closed)
		})
	}
	for _, nothing := range []error{
		ratelimit.ErrLimited, told(verdict.CodeEncode), &breaker.OpenError{Node: nodeB}, context.Canceled,
	} {
		bubble(t, nil, func(f *fixture) {
			f.calls(nodeA, 5, errSick)
			time.Sleep(500 * time.Millisecond)
			f.call(nodeA, nothing)
			f.state(nodeA, breaker.HalfOpen)
		})
	}
}

// A caller who left learns nothing from an answer that says so.
func TestAnswerToACallerWhoLeftProvesNothing(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 5, errSick)
		time.Sleep(500 * time.Millisecond)
		ctx, cancel := context.WithCancel(context.Background())
		f.Middleware(nodeA)(func(context.Context, any) (any, error) {
			cancel()
			return nil, answered(verdict.ByCode(verdict.CodeInternal))
		})(ctx, nil)
		f.state(nodeA, breaker.HalfOpen)
	})
}

// Noes are the work of many a service: the few errors among them are a few, not all that
// there is.
func TestFewErrorsAmongNoesPutNobodyOut(t *testing.T) {
	for _, no := range noes() {
		test := func(f *fixture) {
			for i := range 5000 {
				time.Sleep(5 * time.Millisecond)
				if err := no; i%100 < 97 {
					f.call(nodeA, err)
				} else {
					f.call(nodeA, errSick)
				}
			}
			st, _ := f.StatusOf(nodeA)
			if st.State != breaker.Closed || st.Ejections > 0 || st.Totals.Spared > 0 {
				t.Errorf("%v: %+v", no, st)
			}
		}
		bubble(t, nil, test)
		alone(t, nil, test)
	}
}

// An only node of which nothing is asked but what it does not have is not quiet.
func TestOnlyNodeStaysWhileItAnswers(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		for range 20 {
			f.call(nodeA, answered(verdict.ByCode(verdict.CodeNotFound)))
			f.calls(nodeA, 9, errSick)
			time.Sleep(time.Second)
		}
		f.state(nodeA, breaker.Closed)
	})
}

// The error of one of several methods is an answer of the node's, and parts its failures.
func TestAnswersOfAFailingMethodPartTheNodesFailures(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		for range 20 {
			times(7, b, nil)
			times(3, a, errSick)
			through(b, answered(verdict.ByCode(verdict.CodeInternal)))
			times(3, a, errSick)
		}
		ready(t, true, b)
	})
}
