package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-kit/kit/ratelimit"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

type failing struct{ err error }

func (f failing) Failed() error { return f.err }

func TestDefaultClassifier(t *testing.T) {
	live := context.Background()
	cancelled, cancel := context.WithCancel(live)
	cancel()
	late, cancel := context.WithDeadline(live, time.Now().Add(-time.Hour))
	defer cancel()
	for _, c := range []struct {
		name     string
		ctx      context.Context
		response any
		err      error
		want     breaker.Outcome
	}{
		{"an answer", live, "x", nil, breaker.Success},
		{"an answer although the caller left", cancelled, "x", nil, breaker.Success},
		{"a Failer that did not fail", live, failing{}, nil, breaker.Success},
		{"a Failer that failed", live, failing{errSick}, nil, breaker.Neutral},
		{"an error", live, nil, errSick, breaker.Failure},
		{"the caller cancelled", cancelled, nil, fmt.Errorf("read: %w", context.Canceled), breaker.Neutral},
		{"the caller cancelled, the error hides it", cancelled, nil, errors.New("status 1"), breaker.Neutral},
		{"somebody else cancelled", live, nil, context.Canceled, breaker.Neutral},
		{"the deadline", late, nil, context.DeadlineExceeded, breaker.Failure},
		{"rate limited", live, nil, fmt.Errorf("x: %w", ratelimit.ErrLimited), breaker.Neutral},
		{"a breaker further in", live, nil, &breaker.OpenError{Node: nodeA, Cause: errSick}, breaker.Neutral},
		{"a gobreaker further in", live, nil, gobreaker.ErrTooManyRequests, breaker.Neutral},
		{"it says that it is neutral", live, nil, fmt.Errorf("x: %w", breakerRefusal{}), breaker.Neutral},
		{"connection lost", live, nil, &muxpool.Error{Op: "read", Node: nodeA, Err: muxpool.ErrConnLost}, breaker.Failure},
		{"expelled", live, nil, &muxpool.Error{Op: "get", Node: nodeA, Err: muxpool.ErrConnectionsHaveBeenExpelled}, breaker.Failure},
		{"pool closed", live, nil, &muxpool.Error{Op: "get", Node: nodeA, Err: muxpool.ErrPoolClosed}, breaker.Neutral},
		{"request too large", live, nil, &muxpool.Error{Op: "write", Node: nodeA, Err: muxpool.ErrFrameTooLarge}, breaker.Neutral},
	} {
		if got := breaker.DefaultClassifier(c.ctx, c.response, c.err); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// The caller's own cancellation is neutral: it trips nothing, and a failure
// before and after it are still in a row.
func TestCancellationIsNeutral(t *testing.T) {
	bubble(t, only(breaker.ConsecutiveFailures(2)), func(f *fixture) {
		ep := f.Middleware(nodeA)(func(ctx context.Context, _ any) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		leave := func() {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Millisecond, cancel)
			ep(ctx, nil)
		}
		for range 100 {
			leave()
		}
		f.state(nodeA, breaker.Closed)
		f.call(nodeA, errSick)
		leave()
		f.call(nodeA, errSick)
		f.state(nodeA, breaker.Open)
		if st, _ := f.StatusOf(nodeA); st.Totals.Neutral != 101 || st.Totals.Failures != 2 {
			t.Errorf("totals: %+v", st.Totals)
		}
	})
}

func TestOwnClassifier(t *testing.T) {
	errFine := errors.New("fine")
	opts := []breaker.Option{breaker.WithClassifier(func(_ context.Context, response any, err error) breaker.Outcome {
		if err == errFine {
			return breaker.Success
		}
		return breaker.Failure
	})}
	bubble(t, opts, func(f *fixture) {
		f.calls(nodeA, 50, errFine)
		f.state(nodeA, breaker.Closed)
		f.calls(nodeA, 5, nil)
		f.state(nodeA, breaker.Open)
	})
}
