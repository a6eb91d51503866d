package breaker_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
)

// Settings that were made for a gobreaker keep their meaning.
func TestOwnGobreakerSettings(t *testing.T) {
	var told []string
	var counts []gobreaker.Counts
	errFine := errors.New("fine")
	st := gobreaker.Settings{
		Name:        "billing",
		MaxRequests: 2,
		Timeout:     7 * time.Second,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			counts = append(counts, c)
			return c.TotalFailures >= 3 && c.TotalFailures*2 >= c.Requests
		},
		OnStateChange: func(name string, from, to gobreaker.State) {
			told = append(told, fmt.Sprint(name, ": ", from, " -> ", to))
		},
		IsSuccessful: func(err error) bool { return err == nil || err == errFine },
	}
	bubble(t, []breaker.Option{breaker.WithGobreaker(st)}, func(f *fixture) {
		f.calls(nodeA, 2, nil)
		f.call(nodeA, errFine)
		f.call(nodeA, errSick)
		f.call(nodeA, breakerRefusal{}) // neutral
		f.call(nodeA, errSick)
		f.state(nodeA, breaker.Closed)
		f.call(nodeA, errSick)
		if want := (gobreaker.Counts{Requests: 6, TotalSuccesses: 3, TotalFailures: 3, ConsecutiveFailures: 3}); counts[2] != want {
			t.Errorf("ReadyToTrip saw %+v, want %+v", counts[2], want)
		}
		if e := f.open(nodeA, breaker.ReasonReadyToTrip); e.RetryAfter.Round(time.Millisecond) != 7*time.Second {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		time.Sleep(7*time.Second + time.Millisecond)
		f.call(nodeA, nil)
		f.state(nodeA, breaker.HalfOpen)
		f.call(nodeA, nil)
		f.state(nodeA, breaker.Closed)
		f.told()
		if want := []string{"billing: closed -> open", "billing: open -> half-open", "billing: half-open -> closed"}; !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
	})
}

// No time is so long that, doubled and with jitter, it is none.
func TestEjectionTimeIsBounded(t *testing.T) {
	const most = 365 * 24 * time.Hour
	for _, times := range [][2]time.Duration{{math.MaxInt64, math.MaxInt64}, {0, most + 1}, {most + 1, 0}} {
		g := breaker.NewGroup(breaker.WithEjectionTime(times[0], times[1]))
		if err := g.Err(); !errors.Is(err, breaker.ErrInvalidOption) || !strings.Contains(err.Error(), "is over 8760h0m0s") {
			t.Errorf("%v: %v", times, err)
		}
		g.Close()
	}
	for _, longest := range []breaker.Option{
		breaker.WithEjectionTime(most, most),
		breaker.WithGobreaker(gobreaker.Settings{Timeout: math.MaxInt64}),
	} {
		bubble(t, []breaker.Option{longest, breaker.WithJitter(1)}, func(f *fixture) {
			for range 3 {
				f.calls(nodeA, 6, errSick)
				open, ok := f.Check(nodeA).(*breaker.OpenError)
				if !ok || open.RetryAfter < most || open.RetryAfter > 2*most {
					t.Fatalf("%v", f.Check(nodeA))
				}
				time.Sleep(open.RetryAfter)
			}
		})
	}
}

func TestGobreakerDefaults(t *testing.T) {
	var name string
	st := gobreaker.Settings{OnStateChange: func(n string, _, _ gobreaker.State) { name = n }}
	bubble(t, []breaker.Option{breaker.WithGobreaker(st)}, func(f *fixture) {
		for range 20 { // no failure rate of ours beside it
			f.calls(nodeA, 5, errSick)
			f.call(nodeA, nil)
		}
		f.calls(nodeA, 5, errSick)
		f.state(nodeA, breaker.Closed)
		f.call(nodeA, errSick) // more than five in a row
		if e := f.open(nodeA, breaker.ReasonReadyToTrip); e.RetryAfter.Round(time.Millisecond) != time.Minute {
			t.Errorf("retry after %v", e.RetryAfter)
		}
		f.told()
		if name != nodeA.String() {
			t.Errorf("name is %q", name)
		}
	})
}

func TestGobreakerInterval(t *testing.T) {
	st := gobreaker.Settings{Interval: time.Second, ReadyToTrip: func(c gobreaker.Counts) bool { return c.TotalFailures == 3 }}
	bubble(t, []breaker.Option{breaker.WithGobreaker(st), breaker.WithDetectors(breaker.ConsecutiveFailures(7))}, func(f *fixture) {
		f.calls(nodeA, 2, errSick)
		time.Sleep(1100 * time.Millisecond)
		f.calls(nodeA, 2, errSick)
		f.state(nodeA, breaker.Closed)
		f.call(nodeA, errSick)
		f.open(nodeA, breaker.ReasonReadyToTrip)
	})
	st.ReadyToTrip = func(gobreaker.Counts) bool { return false }
	bubble(t, []breaker.Option{breaker.WithGobreaker(st), breaker.WithDetectors(breaker.ConsecutiveFailures(7))}, func(f *fixture) {
		f.calls(nodeA, 7, errSick)
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
	})
}

// A judge that took over gobreaker settings in its life tells it all from then
// on.
func TestGobreakerSettingsAtRunTime(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 10, nil)
		f.update(breaker.WithGobreaker(gobreaker.Settings{}))
		f.calls(nodeA, 3, nil)
		f.call(nodeA, errSick)
		if st, _ := f.StatusOf(nodeA); st.Counts.TotalSuccesses < 3 || st.Counts.TotalFailures != 1 {
			t.Errorf("%+v", st.Counts)
		}
		f.update(breaker.WithGobreaker(gobreaker.Settings{ReadyToTrip: func(c gobreaker.Counts) bool { return c.TotalFailures == 2 }}))
		f.call(nodeA, errSick) // the second: what was counted stays
		f.open(nodeA, breaker.ReasonReadyToTrip)
	})
}

// The user's IsSuccessful judges answers, too, and speaks against the node.
func TestIsSuccessfulFindsAnAnswerBad(t *testing.T) {
	st := gobreaker.Settings{IsSuccessful: func(err error) bool { return err != nil }}
	bubble(t, []breaker.Option{breaker.WithGobreaker(st)}, func(f *fixture) {
		f.call(nodeA, nil)
		f.call(nodeA, errSick)
		if st, _ := f.StatusOf(nodeA); st.Totals.Failures != 1 || st.Totals.Successes != 1 {
			t.Errorf("%+v", st.Totals)
		}
	})
}

// A node that had gobreaker settings of its own, and has its service's again, is
// counted for by nobody.
func TestGobreakerSettingsOfANodeEnd(t *testing.T) {
	bubble(t, only(), func(f *fixture) {
		f.call(nodeA, nil)
		f.updateNode(nodeA, breaker.WithGobreaker(gobreaker.Settings{ReadyToTrip: func(c gobreaker.Counts) bool { return c.TotalFailures > 2 }}))
		f.calls(nodeA, 2, errSick)
		f.updateNode(nodeA)
		f.calls(nodeA, 9, errSick)
		f.state(nodeA, breaker.Closed)
		if st, _ := f.StatusOf(nodeA); st.Counts != (gobreaker.Counts{}) {
			t.Errorf("gobreaker is gone and counted %+v", st.Counts)
		}
	})
}

// What is wrong with an option is told once.
func TestInvalidOptionIsToldOnce(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	bad := breaker.WithProbes(-1)
	shop := g.Scope("shop")
	for name, err := range map[string]error{
		"Update": shop.Update(bad), "of the group's": shop.Update(bad, breaker.WithMaxEjection(0.1), breaker.WithForget(time.Hour)), "UpdateNode": g.UpdateNode(nodeA, bad),
	} {
		if !errors.Is(err, breaker.ErrInvalidOption) || strings.Count(err.Error(), "WithProbes(-1)") != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
