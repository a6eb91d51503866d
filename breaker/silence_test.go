package breaker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

func poolError(cause error, more ...error) error {
	for _, m := range more {
		cause = fmt.Errorf("%w: %w", cause, m)
	}
	return &muxpool.Error{Op: "read", Node: nodeA, Err: cause}
}

var (
	errLost   = poolError(muxpool.ErrConnLost)
	errNoConn = poolError(muxpool.ErrConnectionsHaveBeenExpelled)
)

// untilOpen calls each 10 ms until the node is out, and returns how many calls that took.
func (f *fixture) untilOpen(node muxpool.Node, most int, err error) int {
	f.t.Helper()
	for n := range most {
		if f.Check(node) != nil {
			return n
		}
		f.call(node, err)
		time.Sleep(10 * time.Millisecond) // of bubble time
	}
	f.t.Fatalf("not out after %d calls", most)
	return 0
}

// The group watches one pool; the node's connections are another's.
func TestDeadNodeBehindAnUnwatchedPoolGoes(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.emit(nodeB, muxpool.ConnUp, muxpool.ReasonNone, nil)
		if n := f.untilOpen(nodeA, 100, errNoConn); n != 15 { // the last five of them, from 100 ms on
			t.Errorf("it took %d calls, want 15", n)
		}
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
	})
}

// The pool's events come after the errors of the calls.
func TestFirstCallsAreLeftToAPoolThatIsYetToSpeak(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.calls(nodeA, 40, errNoConn)
		time.Sleep(20 * time.Millisecond)
		f.emit(nodeA, muxpool.DialFailed, muxpool.ReasonDialFailed, nil)
		time.Sleep(200 * time.Millisecond)
		f.calls(nodeA, 40, errNoConn) // it goes on connecting
		f.state(nodeA, breaker.Closed)
		f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
		f.call(nodeA, nil)
		time.Sleep(5 * time.Second)
		f.calls(nodeA, 40, errNoConn)
		f.state(nodeA, breaker.Closed)
	})
}

// What was out before the pool spoke of it comes back with the pool's word.
func TestPoolTakesOverWhatCallsBegan(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.untilOpen(nodeA, 100, errNoConn)
		f.expel(nodeA)
		f.ready(nodeA)
		f.state(nodeA, breaker.Closed)
	})
}

// A proxy resets the connections of a node that is well, once and again: each time all
// calls that wait there are lost.
func TestResetOfAHealthyNodesConnectionsPutsNobodyOut(t *testing.T) {
	test := func(f *fixture) {
		f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
		for range 10 {
			f.call(nodeA, nil)
			time.Sleep(2 * time.Second)
			f.calls(nodeA, 40, errLost)
			f.emit(nodeA, muxpool.ConnDown, muxpool.ReasonConnLost, muxpool.ErrConnLost)
			f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
			f.state(nodeA, breaker.Closed)
		}
		if st, _ := f.StatusOf(nodeA); st.Ejections > 0 || st.Totals.Neutral != 400 {
			t.Errorf("%+v", st)
		}
	}
	bubble(t, nil, test)
	alone(t, nil, test)
}

// The pool finds nothing wrong with a node that takes connections and ends them.
func TestNodeThatLosesEveryCallGoes(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
		if n := f.untilOpen(nodeA, 200, errLost); n != 105 { // the last five of them, from 1 s on
			t.Errorf("it took %d calls, want 105", n)
		}
		time.Sleep(500 * time.Millisecond)
		f.call(nodeA, errLost)
		f.open(nodeA, breaker.ReasonProbeFailed)
	})
}

// An error is an answer as well: between two resets the node was not silent.
func TestErrorsOfAMethodEndASilence(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		s.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
		for range 4 {
			times(10, a, errLost)
			time.Sleep(time.Second)
			through(b, status(503))
		}
		if st, _ := s.StatusOf(nodeA); st.State != breaker.Closed {
			t.Errorf("%+v", st)
		}
	})
}

// Nobody tells of connections: the calls do.
func TestLostCallsCountWithoutAPool(t *testing.T) {
	for _, err := range []error{errLost, errNoConn} {
		g := breaker.NewGroup()
		defer g.Close()
		g.Hold(nodeB)
		for range 5 {
			g.Middleware(nodeA)(func(context.Context, any) (any, error) { return nil, err })(context.Background(), nil)
		}
		if g.Check(nodeA) == nil {
			t.Errorf("%v does not count", err)
		}
	}
}

// Garbage and a peer without a sign of life are the node's, whatever the pool says of the
// connection.
func TestGarbageAndSilenceCountWithAPool(t *testing.T) {
	for _, why := range []error{muxpool.ErrProtocol, muxpool.ErrKeepAliveTimeout, muxpool.ErrStalled} {
		bubble(t, nil, func(f *fixture) {
			f.emit(nodeA, muxpool.ConnUp, muxpool.ReasonNone, nil)
			f.calls(nodeA, 5, poolError(muxpool.ErrConnLost, why))
			f.open(nodeA, breaker.ReasonConsecutiveFailures)
		})
	}
}
