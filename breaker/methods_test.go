package breaker_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/kit/transport/http/jsonrpc"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// through has the target of a guard answer with err, and returns what the caller
// gets.
func through(g *breaker.Guard, err error) error {
	_, got := g.Middleware()(func(context.Context, any) (any, error) { return nil, err })(context.Background(), nil)
	return got
}

func times(n int, g *breaker.Guard, err error) {
	for range n {
		through(g, err)
	}
}

// shop is a service with two live nodes, and its guards.
type shop struct {
	*fixture
	*breaker.Scope
}

func inShop(t *testing.T, opts []breaker.Option, test func(s *shop)) {
	t.Helper()
	alone(t, opts, func(f *fixture) {
		s := &shop{f, f.Scope("shop")}
		for _, n := range []muxpool.Node{nodeA, nodeB} {
			s.Scope.Hold(n)
		}
		test(s)
	})
}

func (s *shop) guard(n muxpool.Node, method string) *breaker.Guard {
	return s.Guard(breaker.Target{Node: n, Method: method})
}

// ready fails the test unless exactly the wanted guards let calls pass.
func ready(t *testing.T, want bool, guards ...*breaker.Guard) {
	t.Helper()
	for _, g := range guards {
		if g.Ready() != want || (g.Check() == nil) != want {
			t.Fatalf("%+v: Ready %v, Check %v; want %v", g.Target(), g.Ready(), g.Check(), want)
		}
	}
}

// A depends on nothing, B on a service that is dead: B's failures close B off, on
// the node where they happened.
func TestFailingMethodClosesItselfOff(t *testing.T) {
	for _, err := range []error{
		told(verdict.CodeUnavailable), told(verdict.CodeInternal), told(verdict.CodeUnknown),
		told(verdict.CodeBadResponse), // an older node answers what a newer client cannot decode
	} {
		inShop(t, nil, func(s *shop) {
			a, b, elsewhere := s.guard(nodeA, "A"), s.guard(nodeA, "B"), s.guard(nodeB, "B")
			for range 50 {
				through(b, err)
				if through(a, nil) != nil {
					t.Fatal("a good call was lost")
				}
			}
			ready(t, true, a, elsewhere)
			ready(t, false, b)
			open, ok := b.Check().(*breaker.OpenError)
			if !ok || open.Method != "B" || open.Scope != "shop" || open.Node != nodeA {
				t.Errorf("got %v", b.Check())
			}
			want := "breaker: B is out on tcp://10.0.0.0:7000 (consecutive failures), retry after 500ms: " + err.Error()
			if open.Error() != want {
				t.Errorf("text is %q", open)
			}
			st, _ := s.StatusOf(nodeA)
			if st.State != breaker.Closed || len(st.Methods) != 1 || st.Methods[0].Method != "B" {
				t.Errorf("%+v", st)
			}
			time.Sleep(500 * time.Millisecond)
			through(b, nil)
			ready(t, true, b)
			defer func() {
				times(5, b, err)
				ready(t, false, b)
				s.Reset(nodeA) // an operator forgives the node all
				ready(t, true, b)
			}()
			if got, want := s.told(), []string{
				"closed -> open: consecutive failures", "open -> half-open: ejection over", "half-open -> closed: probe succeeded",
			}; !slices.Equal(got, want) || s.changes[0].Method != "B" {
				t.Errorf("told %q of %q", got, s.changes[0].Method)
			}
		})
	}
}

// A method that an older node lacks speaks against nobody: it is tried elsewhere,
// and the node keeps its others.
func TestMissingMethodSpeaksAgainstNobody(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		times(100, b, told(verdict.CodeUnimplemented))
		ready(t, true, a, b)
	})
}

// With one method, its failures are the node's.
func TestOnlyMethodTakesItsNodeAlong(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a := s.guard(nodeA, "A")
		times(5, a, told(verdict.CodeInternal))
		if open, ok := a.Check().(*breaker.OpenError); !ok || open.Method != "" {
			t.Errorf("got %v", a.Check())
		}
		st, _ := s.StatusOf(nodeA)
		if st.State != breaker.Open || st.Scope != "shop" {
			t.Errorf("%+v", st)
		}
	})
}

// When several methods go and nothing succeeds, it is the node.
func TestSeveralMethodsOutTakeTheNodeAlong(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b, c := s.guard(nodeA, "A"), s.guard(nodeA, "B"), s.guard(nodeA, "C")
		times(1, c, nil)
		time.Sleep(11 * time.Second)
		times(5, a, told(verdict.CodeInternal))
		ready(t, true, b, c)
		times(5, b, told(verdict.CodeInternal))
		ready(t, false, a, b, c)
		if open, ok := c.Check().(*breaker.OpenError); !ok || open.Method != "" || open.Reason != breaker.ReasonMethods {
			t.Errorf("got %v", c.Check())
		}
		time.Sleep(time.Second)
		through(c, nil) // the node's probe may be a call of any
		ready(t, true, c)
	})
}

// One that was never called there is given the time to be well.
func TestSeveralMethodsOutWaitForOneThatWasNeverAnswered(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b, c := s.guard(nodeA, "A"), s.guard(nodeA, "B"), s.guard(nodeA, "C")
		times(5, a, told(verdict.CodeInternal))
		times(5, b, told(verdict.CodeInternal))
		time.Sleep(500 * time.Millisecond)
		times(1, a, told(verdict.CodeInternal)) // it tries, in vain
		ready(t, false, a)
		ready(t, true, c)
		time.Sleep(time.Second)
		times(1, b, told(verdict.CodeInternal))
		ready(t, false, a, b, c)
	})
}

// A method that was well lately, and is just not called, does not go for two others that
// have one dependency.
func TestSeveralMethodsOutLeaveAMethodThatWasWellLately(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b, c := s.guard(nodeA, "A"), s.guard(nodeA, "B"), s.guard(nodeA, "C")
		s.guard(nodeB, "C")
		times(1, c, nil)
		times(5, a, status(503))
		times(5, b, status(503))
		ready(t, false, a, b)
		ready(t, true, c)
		times(5, c, status(503)) // now each of them is out
		if open, ok := c.Check().(*breaker.OpenError); !ok || open.Reason != breaker.ReasonMethods {
			t.Errorf("got %v", c.Check())
		}
	})
	inShop(t, nil, func(s *shop) {
		a, b, c := s.guard(nodeA, "A"), s.guard(nodeA, "B"), s.guard(nodeA, "C")
		times(1, c, nil)
		time.Sleep(11 * time.Second) // as far as the detectors look back
		times(5, a, status(503))
		times(5, b, status(503))
		ready(t, false, a, b, c)
	})
}

// Nor does one that goes on failing hold a node back whose connections had gone: the node
// has answered it.
func TestFailingMethodHoldsNoNodeBack(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		times(5, a, errSick)
		ready(t, false, a, b)
		time.Sleep(500 * time.Millisecond)
		through(b, status(503))
		ready(t, true, a, b)
	})
}

// A node that several methods put out comes back by one that works, and by one that does
// not it learns nothing.
func TestNodeThatMethodsPutOutWaitsForOneThatWorks(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b, c := s.guard(nodeA, "A"), s.guard(nodeA, "B"), s.guard(nodeA, "C")
		times(1, c, nil)
		time.Sleep(11 * time.Second)
		times(5, a, status(503))
		times(5, b, status(503))
		time.Sleep(500 * time.Millisecond)
		times(2, a, status(503))
		if st, _ := s.StatusOf(nodeA); st.State != breaker.HalfOpen || st.Level != 1 {
			t.Errorf("%+v", st)
		}
		times(1, c, nil)
		ready(t, true, c)
		ready(t, false, a)
	})
}

// While another method succeeds, it is the methods.
func TestSeveralMethodsOutLeaveANodeThatAnswers(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b, c := s.guard(nodeA, "A"), s.guard(nodeA, "B"), s.guard(nodeA, "C")
		times(5, a, told(verdict.CodeInternal))
		through(c, nil)
		times(5, b, told(verdict.CodeInternal))
		ready(t, false, a, b)
		ready(t, true, c)
	})
}

// A method that is out on one node is not closed off on the last.
func TestMethodIsLeftOnOneNode(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeB, "A")
		s.guard(nodeA, "B")
		s.guard(nodeB, "B")
		times(5, a, told(verdict.CodeInternal))
		times(100, b, told(verdict.CodeInternal))
		ready(t, false, a)
		ready(t, true, b)

		// Nor does the node go that is the last to have it.
		times(100, b, errSick)
		ready(t, true, b)
		s.expel(nodeB) // but the pool's word is no statistic
		ready(t, false, b)
	})
}

// The node's failures close no method off, and a method's do not hide the node's.
func TestNodesFailuresAreNoMethods(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		through(b, told(verdict.CodeInternal))
		times(5, a, errSick)
		ready(t, false, a, b)
		if st, _ := s.StatusOf(nodeA); len(st.Methods) != 0 || st.Reason != breaker.ReasonConsecutiveFailures {
			t.Errorf("%+v", st)
		}
	})
}

// Who comes back after its connections were gone has proved itself by an answer,
// whatever became of the method.
func TestAnswerOfAFailingMethodProvesTheConnection(t *testing.T) {
	inShop(t, nil, func(s *shop) {
		a, b := s.guard(nodeA, "A"), s.guard(nodeA, "B")
		s.expel(nodeA)
		s.ready(nodeA)
		through(b, told(verdict.CodeInternal))
		ready(t, true, a)
	})
}

func TestSlowMethodIsNoSlowNode(t *testing.T) {
	inShop(t, only(breaker.SlowCalls(100*time.Millisecond, 0.5, 10*time.Second, 4)), func(s *shop) {
		report, get := s.guard(nodeA, "Report"), s.guard(nodeA, "Get")
		s.guard(nodeB, "Report")
		for range 10 {
			report.Middleware()(answersAfter(time.Second))(context.Background(), nil)
		}
		ready(t, false, report)
		ready(t, true, get)
	})
}

// What one method's answers cannot be decoded as is that method's, also where the answer was read by a
// client of go-kit's; a request that cannot be written is nobody's there, nor is a descriptor that this
// process lacks, nor a connection for which a caller had no time.
func TestWhoseErrorsOfGoKitsClientsAre(t *testing.T) {
	ended, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	_, late := new(net.Dialer).DialContext(ended, "tcp", "127.0.0.1:1")
	for name, row := range map[string]struct {
		err       error
		closesOff bool
	}{
		"an answer that cannot be read":     {&json.UnmarshalTypeError{Type: reflect.TypeFor[int]()}, true},
		"a request that cannot be written":  {&json.UnsupportedTypeError{Type: reflect.TypeFor[chan int]()}, false},
		"no descriptor is left":             {&net.OpError{Op: "dial", Err: syscall.EMFILE}, false},
		"the caller's time ends in a dial":  {late, false},
		"the service's own no, by JSON-RPC": {jsonrpc.Error{Code: 402}, false},
		"the limiter of golang.org/x/time":  {errors.New("rate: Wait(n=1) would exceed context deadline"), false},
	} {
		inShop(t, nil, func(s *shop) {
			sum, other := s.guard(nodeA, "Sum"), s.guard(nodeA, "Get")
			s.guard(nodeB, "Sum")
			for range 20 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
				sum.Middleware()(func(ctx context.Context, _ any) (any, error) {
					if row.err == late {
						<-ctx.Done()
					}
					return nil, row.err
				})(ctx, nil)
				cancel()
				if !row.closesOff {
					through(sum, nil)
				}
			}
			if open := sum.Check() != nil; open != row.closesOff || other.Check() != nil {
				t.Errorf("%s: the method %v, another %v", name, sum.Check(), other.Check())
			}
		})
	}
}
