package breaker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/kit/ratelimit"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// told is an error of which somebody says what it means.
func told(c verdict.Code) error { return verdict.Tell(errors.New(c.String()), verdict.ByCode(c)) }

// errExpired is as that of go-kit's auth/jwt.
var errExpired = errors.New("token is expired")

// What a single method's calls come to, a hundred times in a row, and whether the
// node goes for it.
func TestOnlyASickNodeOpensItsBreaker(t *testing.T) {
	refused := verdict.Tell(errors.New("full"), verdict.ByCode(verdict.CodeResourceExhausted).AsRefused())
	for _, c := range []struct {
		name     string
		response any
		err      error
		open     bool
	}{
		{"the business says no, as a Failer", failing{errors.New("insufficient funds")}, nil, false},
		{"the business says no, as an error", nil, told(verdict.CodeBusiness), false},
		{"what was asked for is not there", nil, told(verdict.CodeNotFound), false},
		{"a StatusCoder of 404", nil, status(404), false},
		{"the request makes no sense", nil, told(verdict.CodeInvalidArgument), false},
		{"expired tokens", nil, told(verdict.CodeUnauthenticated), false},
		{"expired tokens of another package, told by a rule", nil,
			verdict.Apply(errExpired, verdict.Is(errExpired, verdict.CodeUnauthenticated)), false},
		{"the server has no such method", nil, told(verdict.CodeUnimplemented), false},
		{"the node is full and says so", nil, refused, false},
		{"a limit of its own", nil, told(verdict.CodeResourceExhausted), false},
		{"go-kit's limit on this side", nil, ratelimit.ErrLimited, false},
		{"a breaker further in", nil, &breaker.OpenError{Node: nodeB}, false},
		{"the request cannot be encoded", nil, told(verdict.CodeEncode), false},
		{"the request is too large", nil, told(verdict.CodeTooLarge), false},
		{"somebody gave the call up", nil, context.Canceled, false},
		{"a foreign error", nil, errSick, true},
		{"the server is broken", nil, told(verdict.CodeInternal), true},
		{"an answer that cannot be decoded", nil, told(verdict.CodeBadResponse), true},
		{"a StatusCoder of 503", nil, status(503), true},
		{"the connection was lost", nil, muxpool.ErrConnLost, true},
		{"no connection, and no pool that would tell of it", nil, told(verdict.CodeConnection), true},
	} {
		bubble(t, nil, func(f *fixture) {
			ep := f.Middleware(nodeA)(func(context.Context, any) (any, error) { return c.response, c.err })
			for range 100 {
				ep(context.Background(), nil)
			}
			if open := f.Check(nodeA) != nil; open != c.open {
				t.Errorf("%s: open %v, want %v", c.name, open, c.open)
			}
		})
	}
}

// In Totals a call is a success if it did what it was asked, and neutral if nobody is to
// blame that it did not.
func TestTotalsTellSuccessFromABusinessThatSaysNo(t *testing.T) {
	for _, c := range []struct {
		name     string
		response any
		err      error
		want     breaker.Totals
	}{
		{"an answer", "pong", nil, breaker.Totals{Successes: 1}},
		{"a Failer without a failure", failing{}, nil, breaker.Totals{Successes: 1}},
		{"the business says no, as a Failer", failing{errors.New("insufficient funds")}, nil, breaker.Totals{Neutral: 1}},
		{"the business says no, as an error", nil, told(verdict.CodeBusiness), breaker.Totals{Neutral: 1}},
		{"somebody gave the call up", nil, context.Canceled, breaker.Totals{Neutral: 1}},
		{"the server is broken", nil, told(verdict.CodeInternal), breaker.Totals{Failures: 1}},
	} {
		bubble(t, nil, func(f *fixture) {
			f.Middleware(nodeA)(func(context.Context, any) (any, error) { return c.response, c.err })(context.Background(), nil)
			if st, _ := f.StatusOf(nodeA); st.Totals.Successes != c.want.Successes || st.Totals.Neutral != c.want.Neutral || st.Totals.Failures != c.want.Failures {
				t.Errorf("%s: %+v", c.name, st.Totals)
			}
		})
	}
}

type status int

func (s status) Error() string   { return "status" }
func (s status) StatusCode() int { return int(s) }

// patient has the node take d for its answer, and the caller wait for patience.
func (f *fixture) patient(node muxpool.Node, d, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := f.Middleware(node)(answersAfter(d))(ctx, nil)
	return err
}

func answersAfter(d time.Duration) func(context.Context, any) (any, error) {
	return func(ctx context.Context, _ any) (any, error) {
		select {
		case <-time.After(d):
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Who gives a call less time than it usually takes has ended it himself.
func TestTimeOutsCountOnlyIfThereWasTime(t *testing.T) {
	for _, c := range []struct {
		name         string
		usual        time.Duration // 0: no call has succeeded
		needs, given time.Duration
		calls        int
		open         bool
	}{
		{"1 ms for a method of 5 ms", 5 * time.Millisecond, 5 * time.Millisecond, time.Millisecond, 30, false},
		{"50 ms for a method of 5 ms: the node is silent", 5 * time.Millisecond, time.Hour, 50 * time.Millisecond, 5, true},
		{"10 ms, and nobody knows what it takes", 0, time.Hour, 10 * time.Millisecond, 10, false},
		{"25 ms, and nobody knows what it takes", 0, time.Hour, 25 * time.Millisecond, 5, true},
	} {
		bubble(t, nil, func(f *fixture) {
			if c.usual > 0 {
				for range 20 {
					f.slowCall(nodeA, c.usual)
				}
			}
			for range c.calls {
				f.patient(nodeA, c.needs, c.given)
			}
			if open := f.Check(nodeA) != nil; open != c.open {
				t.Errorf("%s: open %v, want %v", c.name, open, c.open)
			}
		})
	}
}

// A hook that ends its call by the context is the caller's own doing.
func TestCallEndedByItsOwnHookIsNeutral(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		ep := f.Middleware(nodeA)(func(ctx context.Context, _ any) (any, error) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return nil, ctx.Err()
		})
		for range 50 {
			ep(context.Background(), nil)
		}
		f.state(nodeA, breaker.Closed)
	})
}

// overtaken makes an attempt that another one overtakes after d.
func (f *fixture) overtaken(node muxpool.Node, d time.Duration) {
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(d, func() { cancel(verdict.ErrOvertaken) })
	f.Middleware(node)(answersAfter(time.Hour))(ctx, nil)
}

// Hedges rescue the calls to a silent node, and each of its attempts dies of that.
func TestOvertakenAttemptsCountAgainstASilentNode(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.call(nodeA, nil)
		for range 5 {
			f.state(nodeA, breaker.Closed)
			f.overtaken(nodeA, 20*time.Millisecond)
		}
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
	})
}

// A node that pauses, for its garbage or for want of a processor, has all attempts that wait
// for it overtaken, and all calls out of time: that is one thing that happened, and not as
// many as there are calls.
func TestOnePauseCountsOnce(t *testing.T) {
	for name, call := range map[string]func(*fixture, time.Duration){
		"overtaken":   func(f *fixture, d time.Duration) { f.overtaken(nodeA, d) },
		"out of time": func(f *fixture, d time.Duration) { f.patient(nodeA, time.Hour, d) },
	} {
		for _, c := range []struct {
			waits   time.Duration
			pauses  int // until it goes
			failure uint64
		}{{50 * time.Millisecond, 5, 1}, {240 * time.Millisecond, 5, 1}, {250 * time.Millisecond, 1, 50}} {
			bubble(t, nil, func(f *fixture) {
				f.slowCall(nodeA, time.Millisecond)
				for pause := range c.pauses {
					f.state(nodeA, breaker.Closed)
					var wg sync.WaitGroup
					for i := range 50 {
						wg.Go(func() {
							time.Sleep(time.Duration(i) * time.Millisecond / 10)
							call(f, c.waits)
						})
					}
					wg.Wait()
					if st, _ := f.StatusOf(nodeA); st.Totals.Failures+st.Totals.Late != c.failure*uint64(pause+1) {
						t.Errorf("%s: %d pauses of %v: %+v", name, pause+1, c.waits, st.Totals)
					}
				}
				f.open(nodeA, breaker.ReasonConsecutiveFailures) // it was one long pause
			})
		}
	}
}

// One that was merely slower than another says nothing, as long as its node answers.
func TestOvertakenAttemptsOfANodeThatAnswersAreNeutral(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		for range 50 {
			time.AfterFunc(10*time.Millisecond, func() { f.call(nodeA, nil) })
			f.overtaken(nodeA, 20*time.Millisecond)
		}
		f.state(nodeA, breaker.Closed)
		if st, _ := f.StatusOf(nodeA); st.Totals.Neutral != 50 {
			t.Errorf("%+v", st.Totals)
		}
	})
}

// With several methods that is the method's: what it depends on may be dead, and hang.
func TestOvertakenAttemptsOfOneMethodCountAgainstIt(t *testing.T) {
	for name, get := range map[string]int{"the other one is quiet": 0, "the other one answers": 1} {
		inShop(t, nil, func(s *shop) {
			a, b := s.guard(nodeA, "Get"), s.guard(nodeA, "Report")
			times(1, a, nil)
			for range 5 {
				ready(t, true, b)
				ctx, cancel := context.WithCancelCause(context.Background())
				time.AfterFunc(10*time.Millisecond, func() { times(get, a, nil) })
				time.AfterFunc(20*time.Millisecond, func() { cancel(verdict.ErrOvertaken) })
				b.Middleware()(answersAfter(time.Hour))(ctx, nil)
			}
			if a.Check() != nil || b.Check() == nil {
				t.Errorf("%s: Get %v, Report %v", name, a.Check(), b.Check())
			}
		})
	}
}

// A pool that is watched says itself that there is no connection.
func TestMissingConnectionIsLeftToAWatchedPool(t *testing.T) {
	noConn := &muxpool.Error{Op: "get", Node: nodeA, Err: muxpool.ErrConnectionsHaveBeenExpelled}
	bubble(t, nil, func(f *fixture) { // it watches a pool
		f.calls(nodeA, 100, noConn)
		f.state(nodeA, breaker.Closed)
		f.expel(nodeA)
		f.open(nodeA, breaker.ReasonNodeExpelled)
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, noConn) // but a probe that cannot reach the node has failed
		f.open(nodeA, breaker.ReasonProbeFailed)
	})
	for name, watches := range map[string]int{"without a pool": 0, "with pools that are watched no longer": 2} {
		g := breaker.NewGroup()
		defer g.Close()
		for range watches {
			g.Watch(&source{})()
		}
		g.Hold(nodeB)
		for range 5 {
			g.Middleware(nodeA)(func(context.Context, any) (any, error) { return nil, noConn })(context.Background(), nil)
		}
		if g.Check(nodeA) == nil {
			t.Errorf("%s, calls that find no connection do not count", name)
		}
	}
}
