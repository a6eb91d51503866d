package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

func TestSetSharesANodeBetweenItsMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard()
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(b))
		defer s.Close()
		f := &shop{}
		sum, mul := s.EndpointFrom("Sum", f.factory), s.EndpointFrom("Mul", f.factory)
		release := make(chan struct{})
		f.do = func(muxpool.Node, context.Context) error { <-release; return nil }
		go sum(t.Context(), nil)
		go mul(t.Context(), nil)
		synctest.Wait()
		equal(t, "in flight", s.Nodes()[0].InFlight, 2)
		equal(t, "holds", b.holds(node("a")), 1)
		close(release)
		synctest.Wait()
		b.mu.Lock()
		b.open = newSwitchboard(node("a")).open
		b.mu.Unlock()
		for _, ep := range []endpoint.Endpoint{sum, mul} {
			_, err := ep(t.Context(), nil)
			as[*AllOpenError](t, err)
		}
		mustBe(t, s.Nodes()[0].Open, b.open[node("a")])
	})
}

func TestSetClosesEverythingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d, f := newSwitchboard(), discover("a:1", "b:1"), &shop{}
		s := NewSet(d, nil, withBreakers(b))
		sum, mul := s.EndpointFrom("Sum", f.factory), s.EndpointFrom("Mul", f.factory)
		f.do = func(muxpool.Node, context.Context) error { time.Sleep(time.Second); return nil }
		go sum(t.Context(), nil)
		synctest.Wait()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(s.Close)
		}
		bounded.Wait(t, wg.Wait)
		for _, ep := range []endpoint.Endpoint{sum, mul, s.EndpointFrom("Late", f.factory)} {
			_, err := ep(t.Context(), nil)
			mustBe(t, err, ErrSetClosed)
			equal(t, "sent", verdict.Of(err).Sent(), false)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		mustBe(t, s.Shutdown(ctx), context.DeadlineExceeded)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		equal(t, "closed", f.closes(), "a:1 a:1 b:1 b:1")
		equal(t, "holds", b.holds(node("a"))+b.holds(node("b")), 0)
		equal(t, "subscriptions", len(d.subscribed), 0)
		equal(t, "nodes", len(s.Nodes()), 0)
		s.Close()
	})
}

// slowToLeave is a discovery that takes its time to let a Set go.
type slowToLeave struct{ *discovery }

func (d slowToLeave) Deregister(ch chan<- sd.Event) {
	time.Sleep(closeTime / 2)
	d.discovery.Deregister(ch)
}

// Who closes a Set that is being closed waits for the end of that.
func TestASecondCloseWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(slowToLeave{discover("a:1")}, nil)
		go s.Close()
		synctest.Wait()
		begin := time.Now()
		s.Close()
		equal(t, "took", time.Since(begin), closeTime/2)
	})
}

// go-kit's instancers send while they hold the lock that Deregister needs.
func TestSetClosesWhileEventsCome(t *testing.T) {
	for range 50 {
		d := discover("a:1")
		s := NewSet(d, nil)
		ep := s.EndpointFrom("Sum", (&shop{}).factory)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					d.send(sd.Event{Instances: []string{"a:1", fmt.Sprintf("b:%d", 1+i%9)}})
				}
			}
		})
		wg.Go(func() {
			for {
				if _, err := ep(t.Context(), nil); err != nil {
					mustBe(t, err, ErrSetClosed)
					return
				}
			}
		})
		wg.Go(s.Close)
		wg.Go(func() { s.EndpointFrom("Mul", (&shop{}).factory) })
		s.Close()
		close(stop)
		bounded.Wait(t, wg.Wait)
	}
}

// Calls that begin after Close began fail, whatever user code is at work.
func TestAClosedSetsCallersDoNotWaitForUserCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := discover("a:1"), &shop{}
		s := NewSet(d, nil)
		ep := s.EndpointFrom("Sum", f.factory)
		s.lane.push(func() { time.Sleep(time.Hour) })
		synctest.Wait()
		go s.Close()
		synctest.Wait()
		start := time.Now()
		_, err := ep(t.Context(), nil)
		mustBe(t, err, ErrSetClosed)
		equal(t, "waited", time.Since(start), 0)
		time.Sleep(2 * time.Hour)
	})
}

func TestSetChainIsInTheDocumentedOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var trace []string
		mark := func(name string) endpoint.Middleware {
			return func(next endpoint.Endpoint) endpoint.Endpoint {
				return func(ctx context.Context, request any) (any, error) {
					trace = append(trace, name)
					return next(ctx, request)
				}
			}
		}
		call := func(name string) Option {
			return WithMiddleware(func(method string) endpoint.Middleware { return mark(name + " " + method) })
		}
		attempt := func(name string) Option {
			return WithNodeMiddleware(func(method string, n muxpool.Node) endpoint.Middleware {
				return mark(name + " " + method + " " + n.Address)
			})
		}
		f := &shop{}
		f.do = func(n muxpool.Node, _ context.Context) error {
			trace = append(trace, "node")
			if len(trace) < 8 {
				return errLost
			}
			return nil
		}
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithRetry(2, time.Second), WithIdempotent(Always), call("log"), call("span"), attempt("attempt"))
		defer s.Close()
		if _, err := s.EndpointFrom("Sum", f.factory, call("own"), attempt("rate"))(t.Context(), nil); err != nil {
			t.Error(err)
		}
		want := "log Sum, span Sum, own Sum, attempt Sum a:1, rate Sum a:1, node, attempt Sum a:1, rate Sum a:1, node"
		equal(t, "order", strings.Join(trace, ", "), want)
	})
}

// The options of one method do not reach another.
func TestSetMethodOptionsAreItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithRetry(3, time.Second))
		defer s.Close()
		f := &shop{}
		f.do = func(muxpool.Node, context.Context) error { return errLost }
		get, put := s.EndpointFrom("Get", f.factory, WithIdempotent(Always)), s.EndpointFrom("Put", f.factory)
		get(t.Context(), nil)
		equal(t, "attempts of Get", len(f.called()), 3)
		put(t.Context(), nil)
		equal(t, "attempts of Put", len(f.called()), 4)
	})
}

// Options of two methods that extend the same list of the Set's do not mix.
func TestSetMethodsExtendTheSetsMiddlewaresEachForItself(t *testing.T) {
	var trace []string
	mark := func(name string) Option {
		return WithNodeMiddleware(func(method string, _ muxpool.Node) endpoint.Middleware {
			return func(next endpoint.Endpoint) endpoint.Endpoint {
				return func(ctx context.Context, request any) (any, error) {
					trace = append(trace, method+name)
					return next(ctx, request)
				}
			}
		})
	}
	d, f := discover(), &shop{}
	s := NewSet(d, nil, mark("1"), mark("2"), mark("3"))
	defer s.Close()
	get := s.EndpointFrom("get", f.factory, mark("!"))
	put := s.EndpointFrom("put", f.factory, mark("?"))
	d.now(s, "a:1") // the chains are built now
	get(t.Context(), nil)
	put(t.Context(), nil)
	equal(t, "order", strings.Join(trace, " "), "get1 get2 get3 get! put1 put2 put3 put?")
}

// A method may have breakers of its own: what they say counts for it alone, and they know
// which nodes are in use.
func TestAMethodsOwnBreakersWork(t *testing.T) {
	sets, own := newSwitchboard(), newSwitchboard(node("a"))
	d := discover("a:1")
	s := NewSet(d, nil, withBreakers(sets), WithKeepNodes(DropAtOnce, 0), WithoutWait())
	defer s.Close()
	f := &shop{}
	get, put := s.EndpointFrom("Get", f.factory, withBreakers(own)), s.EndpointFrom("Put", f.factory)
	_, err := get(t.Context(), nil)
	equal(t, "nodes that are out", len(as[*AllOpenError](t, err).Nodes), 1)
	if _, err := put(t.Context(), nil); err != nil {
		t.Errorf("the other method: %v", err)
	}
	equal(t, "held in its own", own.holds(node("a")), 1)
	equal(t, "held in the Set's", sets.holds(node("a")), 1)
	d.now(s)
	equal(t, "held in its own after the drop", own.holds(node("a")), 0)
	equal(t, "held in the Set's after the drop", sets.holds(node("a")), 0)
}

func TestSetWithoutRetryReturnsBareErrors(t *testing.T) {
	s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithoutWait())
	defer s.Close()
	f := &shop{}
	f.do = script(errUnsent)
	_, err := s.EndpointFrom("Get", f.factory)(t.Context(), nil)
	equal(t, "error", err, error(errUnsent))
	equal(t, "attempts", len(f.called()), 1)
}

func TestSetMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, attempts, seconds := newBook(), newBook(), newBook()
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithPolicy(RoundRobin), WithRetry(2, time.Second), WithTiming(histogram{seconds}),
			WithMetrics(Metrics{Calls: counter{calls}}), WithAttemptMetrics(Metrics{Calls: counter{attempts}}))
		defer s.Close()
		f := &shop{}
		f.do = script(errUnsent)
		s.EndpointFrom("Get", f.factory)(t.Context(), nil)
		equal(t, "calls", calls.values["method Get outcome ok"], 1)
		equal(t, "attempts", attempts.values["method Get node tcp://b:1 outcome ok"], 1)
		equal(t, "failed attempts", attempts.values["method Get node tcp://a:1 outcome not sent"], 1)
		equal(t, "timed", len(seconds.values), 1)
	})
}

func TestSetInvalidOptions(t *testing.T) {
	f := &shop{}
	fixed := sd.FixedInstancer{"a:1"}
	for name, s := range map[string]*Set{
		"nil instancer":                  NewSet(nil, nil),
		"WithJudging: a nil rule":        NewSet(fixed, nil, WithJudging(nil)),
		"WithInvalidateOnError(-1ns)":    NewSet(fixed, nil, WithInvalidateOnError(-1)),
		"WithMiddleware(nil)":            NewSet(fixed, nil, WithMiddleware(nil)),
		"WithNodeMiddleware(nil)":        NewSet(fixed, nil, WithNodeMiddleware(nil)),
		"WithRetry(-3, 0s) is negative":  NewSet(fixed, nil, WithRetry(-3, 0)),
		"WithMaxWaiting(-1) is negative": NewSet(fixed, nil, WithMaxWaiting(-1)),
	} {
		mustBe(t, s.Err(), ErrInvalidOption)
		_, err := s.EndpointFrom("Sum", f.factory)(t.Context(), nil)
		mustBe(t, err, ErrInvalidOption)
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
		s.Close()
	}
	s := NewSet(fixed, nil)
	defer s.Close()
	if s.Err() != nil {
		t.Error(s.Err())
	}
	for _, ep := range []endpoint.Endpoint{
		s.Endpoint("Sum", nil), s.EndpointFrom("Sum", nil), s.EndpointFrom("Sum", f.factory, WithPolicy(7)),
		s.EndpointFrom("Sum", f.factory, WithMiddleware(func(string) endpoint.Middleware { return nil })),
	} {
		_, err := ep(t.Context(), nil)
		mustBe(t, err, ErrInvalidOption)
	}
	if len(f.called()) != 0 {
		t.Error("nodes were called")
	}
}

func TestSetLogsAClientThatCannotBeClosed(t *testing.T) {
	var out bytes.Buffer
	s := NewSet(sd.FixedInstancer{"a:1"}, log.NewLogfmtLogger(&out))
	s.EndpointFrom("Sum", func(string) (endpoint.Endpoint, io.Closer, error) { return endpoint.Nop, badCloser{}, nil })
	s.Close()
	if !strings.Contains(out.String(), "stuck") {
		t.Error(out.String())
	}
}

type badCloser struct{}

func (badCloser) Close() error { return errors.New("stuck") }
