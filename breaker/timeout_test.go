package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// A method takes as long as what it is asked for: a batch of heavy requests runs out of its
// time beside light ones that are answered.
func TestShortDeadlinesBesideAnswersNeverCount(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		for range 20 {
			for range 12 {
				go f.patient(nodeA, 200*time.Millisecond, 50*time.Millisecond)
			}
			for range 10 {
				f.slowCall(nodeA, 5*time.Millisecond)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if st, _ := f.StatusOf(nodeA); st.State != breaker.Closed || st.Totals.Failures > 0 {
			t.Errorf("%+v", st)
		}
	})
}

// So it is with one of several methods, and its own answers; those of others say nothing of it.
func TestShortDeadlinesBesideAMethodsAnswersNeverCount(t *testing.T) {
	for name, row := range map[string]struct {
		answered string
		open     bool
	}{"its own": {"Report", false}, "another's": {"Get", true}} {
		inShop(t, nil, func(s *shop) {
			s.guard(nodeA, "Get")
			report, _ := s.guard(nodeA, "Report"), s.guard(nodeB, "Report")
			for range 20 {
				report.Middleware()(answersAfter(5*time.Millisecond))(context.Background(), nil)
			}
			for range 10 {
				time.AfterFunc(10*time.Millisecond, func() { through(s.guard(nodeA, row.answered), nil) })
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
				report.Middleware()(answersAfter(time.Hour))(ctx, nil)
				cancel()
			}
			st, _ := s.StatusOf(nodeA)
			if open := report.Check() != nil; open != row.open || open != (st.Totals.Failures > 0) {
				t.Errorf("beside %s answers: open %v, %d failures", name, open, st.Totals.Failures)
			}
		})
	}
}

// A node that hung itself up answers nobody, also not those who were never patient.
func TestHungNodeGoesHoweverLittleItsCallersGive(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{ // a second from the end of the first on, and four more
		time.Millisecond: 1005 * time.Millisecond, 10 * time.Millisecond: 1050 * time.Millisecond, 39 * time.Millisecond: 1209 * time.Millisecond,
	} {
		bubble(t, nil, func(f *fixture) {
			for range 20 {
				f.slowCall(nodeA, 40*time.Millisecond)
			}
			begin := time.Now()
			for i := 0; i < 3000 && f.Check(nodeA) == nil; i++ {
				f.patient(nodeA, time.Hour, given)
			}
			if took := time.Since(begin); took != want {
				t.Errorf("%v each: out after %v, want %v", given, took, want)
			}
		})
	}
}

// That nobody asks is no silence.
func TestPauseIsNoSilence(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		for range 20 {
			f.slowCall(nodeA, 40*time.Millisecond)
		}
		for range 5 {
			for range 9 {
				f.patient(nodeA, 40*time.Millisecond, 10*time.Millisecond)
			}
			time.Sleep(11 * time.Second)
		}
		f.state(nodeA, breaker.Closed)
	})
}

// So it is with those of several methods that hang, each for itself, whatever others do.
func TestHungMethodsGoHoweverLittleTheirCallersGive(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		get, report, list := s.guard(nodeA, "Get"), s.guard(nodeA, "Report"), s.guard(nodeA, "List")
		s.guard(nodeB, "Report")
		s.guard(nodeB, "List")
		for range 20 {
			report.Middleware()(answersAfter(40*time.Millisecond))(context.Background(), nil)
		}
		for range 100 {
			times(1, get, nil)
			for _, hung := range []*breaker.Guard{report, list} {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
				hung.Middleware()(answersAfter(time.Hour))(ctx, nil)
				cancel()
			}
		}
		ready(t, true, get)
		ready(t, false, report, list)
	})
}

// Half of what a node does depends on something that hangs, and what it is asked for is
// answered in no time or not at all: who waits long enough has not been impatient.
func TestNodeOfWhichHalfHangsGoes(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		for i := range 1000 {
			if i%5 < 3 {
				go f.patient(nodeA, time.Hour, 1500*time.Millisecond)
			} else {
				go f.patient(nodeA, time.Millisecond, time.Second)
			}
			time.Sleep(10 * time.Millisecond)
			if f.Check(nodeA) != nil {
				break
			}
		}
		f.open(nodeA, breaker.ReasonFailureRate)
		time.Sleep(2 * time.Second)
	})
}

// answersLate has the node say after d that the time is over.
func answersLate(d time.Duration) func(context.Context, any) (any, error) {
	return func(context.Context, any) (any, error) {
		time.Sleep(d)
		return nil, answered(verdict.ByCode(verdict.CodeDeadlineExceeded))
	}
}

// A node that says at once that the time is over has not looked at the caller's clock.
func TestAnsweredTimeOutsCount(t *testing.T) {
	for _, c := range []struct {
		name         string
		takes, given time.Duration // given 0: the caller has no deadline
		open         bool
	}{
		{"at once, and there is no deadline", 0, 0, true},
		{"at once, of 1 s", 0, time.Second, true},
		{"after half of it", 20 * time.Millisecond, 40 * time.Millisecond, true},
		{"when the caller's time was nearly over", 18 * time.Millisecond, 20 * time.Millisecond, false},
		{"when a third of what it took was left", 30 * time.Millisecond, 39 * time.Millisecond, false},
		{"when just a third was left", 30 * time.Millisecond, 40 * time.Millisecond, false},
		{"when more than that was left", 30 * time.Millisecond, 41 * time.Millisecond, true},
		{"when 5 ms were left", 10 * time.Millisecond, 15 * time.Millisecond, false},
		{"when more than these were left", 10 * time.Millisecond, 15*time.Millisecond + 1, true},
		{"after it was over", 21 * time.Millisecond, 20 * time.Millisecond, false},
		{"at once, of 4 ms: what is left may be what the way takes", 0, 4 * time.Millisecond, false},
	} {
		bubble(t, nil, func(f *fixture) {
			for range 20 {
				f.slowCall(nodeA, 40*time.Millisecond)
			}
			for range 5 {
				ctx, cancel := context.WithCancel(context.Background())
				if c.given > 0 {
					ctx, cancel = context.WithTimeout(context.Background(), c.given)
				}
				f.Middleware(nodeA)(answersLate(c.takes))(ctx, nil)
				cancel()
			}
			if open := f.Check(nodeA) != nil; open != c.open {
				t.Errorf("%s: open %v, want %v", c.name, open, c.open)
			}
		})
	}
}

// A caller who names the end of his time, as net/http hands it back, has ended the call as much as one who
// does not.
func TestATimeOutWithACauseIsATimeOut(t *testing.T) {
	named := errors.New("the budget of the page is used up")
	bubble(t, nil, func(f *fixture) {
		f.slowCall(nodeA, 5*time.Millisecond)
		for range 10 {
			ctx, cancel := context.WithTimeoutCause(context.Background(), time.Millisecond, named)
			f.Middleware(nodeA)(func(ctx context.Context, _ any) (any, error) {
				<-ctx.Done()
				return nil, fmt.Errorf("get: %w", context.Cause(ctx))
			})(ctx, nil)
			cancel()
		}
		if st, _ := f.StatusOf(nodeA); st.State != breaker.Closed || st.Totals.Failures > 0 {
			t.Errorf("%+v", st)
		}
		f.calls(nodeA, 5, named) // which is no time-out of theirs
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
	})
}

// curious is an error that looks at the group when it is asked what it means.
type curious struct{ group *breaker.Group }

func (curious) Error() string { return "curious" }
func (e curious) Verdict() verdict.Verdict {
	e.group.Status()
	e.group.Check(nodeA)
	return verdict.Verdict{Code: verdict.CodeUnavailable, Whose: verdict.Node}
}

// An error's methods are a user's function too: they run under no lock.
func TestAnErrorMayCallTheGroup(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 5, curious{f.Group})
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
		f.Trip(nodeB, curious{f.Group})
		f.emit(nodeC, muxpool.NodeExpelled, muxpool.ReasonDialFailed, curious{f.Group})
		f.open(nodeC, breaker.ReasonNodeExpelled)
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, curious{f.Group})
		f.open(nodeA, breaker.ReasonProbeFailed)
	})
}
