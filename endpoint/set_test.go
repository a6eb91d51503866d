package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/dnssrv"
	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// discovery is an Instancer as go-kit's are: it sends while it holds its lock,
// which Register and Deregister need as well.
type discovery struct {
	mu         sync.Mutex
	state      sd.Event
	subscribed map[chan<- sd.Event]bool
}

func discover(instances ...string) *discovery {
	return &discovery{state: sd.Event{Instances: instances}, subscribed: map[chan<- sd.Event]bool{}}
}

func (d *discovery) Register(ch chan<- sd.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.subscribed[ch] = true
	ch <- d.state
}

func (d *discovery) Deregister(ch chan<- sd.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.subscribed, ch)
}

func (d *discovery) Stop() {}

func (d *discovery) send(ev sd.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = ev
	for ch := range d.subscribed {
		ch <- ev
	}
}

// now makes the discovery name instances, and returns when s follows.
func (d *discovery) now(s *Set, instances ...string) {
	d.send(sd.Event{Instances: instances})
	s.do(func() {})
}

func (d *discovery) fails(s *Set, err error) {
	d.send(sd.Event{Err: err})
	s.do(func() {})
}

// shop makes the nodes' endpoints for a Set, and counts those that it closed.
type shop struct {
	fleet
	made, closed []string
}

func (s *shop) factory(instance string) (endpoint.Endpoint, io.Closer, error) {
	n, err := ParseNode(instance)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made = append(s.made, n.Address)
	return s.endpoint(n), closer(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = append(s.closed, n.Address)
	}), nil
}

func (s *shop) closes() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.closed)
	return strings.Join(s.closed, " ")
}

func addresses(s *Set) string {
	var all []string
	for _, n := range s.Nodes() {
		all = append(all, n.Node.Address)
	}
	return strings.Join(all, " ")
}

// callEach calls until each of n different answers came, or fails.
func callEach(t *testing.T, ep endpoint.Endpoint, n int) {
	t.Helper()
	seen := map[any]bool{}
	for range 1000 {
		response, err := ep(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		if seen[response] = true; len(seen) == n {
			return
		}
	}
	t.Fatalf("1000 calls reached %v", seen)
}

func TestSetKnowsItsNodesWhenItIsMade(t *testing.T) {
	for range 100 { // go-kit's Endpointer loses this race now and then
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil)
		equal(t, "nodes", addresses(s), "a:1 b:1")
		callEach(t, s.EndpointFrom("Sum", (&shop{}).factory), 2)
		s.Close()
	}
}

func TestSetFollowsDiscovery(t *testing.T) {
	d, f := discover(), &shop{}
	s := NewSet(d, nil)
	defer s.Close()
	ep := s.EndpointFrom("Sum", f.factory)
	_, err := ep(t.Context(), nil)
	mustBe(t, err, lb.ErrNoEndpoints)
	d.now(s, "a:1")
	callEach(t, ep, 1)
	d.now(s, "a:1", "b:1", "c:1")
	callEach(t, ep, 3)
	d.now(s, "c:1", "b:1")
	callEach(t, ep, 2)
	equal(t, "closed", f.closes(), "a:1")
	equal(t, "made", strings.Join(f.made, " "), "a:1 b:1 c:1")
	d.now(s)
	_, err = ep(t.Context(), nil)
	mustBe(t, err, lb.ErrNoEndpoints)
	equal(t, "closed", f.closes(), "a:1 b:1 c:1")
}

// The same node under two names counts once; what is no node is logged and left
// out; so is a node for which no endpoint can be made.
func TestSetLeavesOutWhatItCannotUse(t *testing.T) {
	var out bytes.Buffer
	s := NewSet(sd.FixedInstancer{"a:1", "tcp://a:1", "a:1", "http://a:1", "", "bad\n:1", "b:1", "c:1", "d:1"}, log.NewLogfmtLogger(&out))
	defer s.Close()
	f := &shop{}
	ep := s.EndpointFrom("Sum", func(instance string) (endpoint.Endpoint, io.Closer, error) {
		switch instance {
		case "tcp://b:1":
			panic("no b")
		case "tcp://c:1":
			return nil, nil, errors.New("no c")
		case "tcp://d:1":
			return nil, nil, nil
		}
		return f.factory(instance)
	})
	callEach(t, ep, 1)
	equal(t, "made", strings.Join(f.made, " "), "a:1")
	equal(t, "nodes", addresses(s), "a:1 b:1 c:1 d:1")
	for _, want := range []string{"http", `bad\\n:1`, "no b", "no c", "is nil"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, out.String())
		}
	}
	equal(t, "lines logged", strings.Count(out.String(), "\n"), 6)
}

func TestSetNodeParser(t *testing.T) {
	s := NewSet(sd.FixedInstancer{"one", "two", "three"}, nil, WithNodeParser(func(instance string) (muxpool.Node, error) {
		switch instance {
		case "two":
			return muxpool.Node{}, errors.New("no node")
		case "three":
			panic("parser")
		}
		return muxpool.Node{Network: "unix", Address: "/" + instance}, nil
	}))
	defer s.Close()
	equal(t, "nodes", addresses(s), "/one")
}

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

// A node that discovery drops gets no new call; those in flight end normally;
// then, and only then, its breaker and its clients are let go.
func TestSetDrainsDroppedNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d, f := newSwitchboard(), discover("a:1"), &shop{}
		s := NewSet(d, nil, withBreakers(b))
		defer s.Close()
		ep := s.EndpointFrom("Sum", f.factory)
		f.do = func(muxpool.Node, context.Context) error { time.Sleep(time.Second); return nil }
		answer := make(chan any)
		go func() {
			response, err := ep(t.Context(), "old")
			answer <- fmt.Sprintf("%v, %v", response, err)
		}()
		synctest.Wait()
		d.now(s, "b:1")
		for range 100 {
			go func() {
				if got, err := ep(t.Context(), "new"); err != nil || got != "new from b:1" {
					t.Errorf("after the drop: %v, %v", got, err)
				}
			}()
		}
		synctest.Wait()
		equal(t, "closed while a call is in flight", f.closes(), "")
		equal(t, "holds while a call is in flight", b.holds(node("a")), 1)

		d.now(s, "a:1", "b:1") // back, as a new member
		equal(t, "holds when it is back", b.holds(node("a")), 2)
		equal(t, "answer", <-answer, any("old from a:1, <nil>"))
		synctest.Wait()
		equal(t, "closed", f.closes(), "a:1")
		equal(t, "holds", b.holds(node("a")), 1)
		callEach(t, ep, 2)
	})
}

func TestSetKeepsTheLastGoodNodesWhenDiscoveryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := discover("a:1"), &shop{}
		s := NewSet(d, nil)
		defer s.Close()
		ep := s.EndpointFrom("Sum", f.factory)
		d.fails(s, errors.New("discovery is down"))
		time.Sleep(24 * time.Hour)
		callEach(t, ep, 1)
		equal(t, "closed", f.closes(), "")
	})
}

func TestSetTellsWhyItHasNoNodes(t *testing.T) {
	cause := errors.New("discovery is down")
	d := discover()
	d.state = sd.Event{Err: cause}
	s := NewSet(d, nil)
	defer s.Close()
	_, err := s.EndpointFrom("Sum", (&shop{}).factory)(t.Context(), nil)
	mustBe(t, err, cause, lb.ErrNoEndpoints)
	equal(t, "sent", maybeSent(err), false)
	if !strings.Contains(err.Error(), "discovery is down") {
		t.Error(err)
	}
}

func TestSetInvalidatesOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := errors.New("discovery is down")
		d, f := discover("a:1"), &shop{}
		s := NewSet(d, nil, WithInvalidateOnError(time.Minute))
		defer s.Close()
		ep := s.EndpointFrom("Sum", f.factory)
		d.fails(s, first)
		time.Sleep(30 * time.Second)
		d.now(s, "a:1") // in time
		time.Sleep(time.Hour)
		callEach(t, ep, 1)

		d.fails(s, first)
		time.Sleep(59 * time.Second)
		d.fails(s, errors.New("still down")) // does not begin the minute anew
		callEach(t, ep, 1)
		time.Sleep(time.Second)
		synctest.Wait()
		_, err := ep(t.Context(), nil)
		mustBe(t, err, first, lb.ErrNoEndpoints)
		equal(t, "closed", f.closes(), "a:1")
		d.fails(s, errors.New("still down"))

		d.now(s, "a:1")
		callEach(t, ep, 1)
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
		wg.Wait()
		for _, ep := range []endpoint.Endpoint{sum, mul, s.EndpointFrom("Late", f.factory)} {
			_, err := ep(t.Context(), nil)
			mustBe(t, err, ErrSetClosed)
			equal(t, "sent", maybeSent(err), false)
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
		wg.Wait()
	}
}

// Calls race with a discovery that changes all the time: none is lost, none
// reaches a node after it was closed.
func TestSetUnderFlappingDiscovery(t *testing.T) {
	d := discover("a:1", "b:1")
	s := NewSet(d, nil)
	ep := s.EndpointFrom("Sum", func(instance string) (endpoint.Endpoint, io.Closer, error) {
		var mu sync.Mutex
		closed := false
		return func(context.Context, any) (any, error) {
				mu.Lock()
				defer mu.Unlock()
				if closed {
					t.Errorf("%s was called after it was closed", instance)
				}
				return nil, nil
			}, closer(func() {
				mu.Lock()
				defer mu.Unlock()
				closed = true
			}), nil
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				if _, err := ep(t.Context(), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 500 {
			d.send(sd.Event{Instances: []string{fmt.Sprintf("n%d:1", i), fmt.Sprintf("n%d:1", i+1)}})
		}
	})
	wg.Wait()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// One of go-kit's own instancers, from registration to the change of a record.
func TestSetOverDNSSRV(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		records := []*net.SRV{{Target: "a", Port: 1}, {Target: "b", Port: 1}}
		lookup := func(_, _, _ string) (string, []*net.SRV, error) {
			mu.Lock()
			defer mu.Unlock()
			return "", records, nil
		}
		instancer := dnssrv.NewInstancerDetailed("_sum._tcp.example.org", time.NewTicker(time.Minute), lookup, log.NewNopLogger())
		defer instancer.Stop()
		s := NewSet(instancer, nil)
		defer s.Close()
		equal(t, "nodes", addresses(s), "a:1 b:1")
		mu.Lock()
		records = records[1:]
		mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		equal(t, "nodes after a refresh", addresses(s), "b:1")
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
				return errUnsent
			}
			return nil
		}
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithRetry(2, time.Second), call("log"), call("span"), attempt("attempt"))
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

func TestSetWithoutRetryReturnsBareErrors(t *testing.T) {
	s := NewSet(sd.FixedInstancer{"a:1"}, nil)
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
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithRetry(2, time.Second), WithTiming(histogram{seconds}),
			WithMetrics(Metrics{Calls: counter{calls}}), WithAttemptMetrics(Metrics{Calls: counter{attempts}}))
		defer s.Close()
		f := &shop{}
		f.do = script(errUnsent)
		s.EndpointFrom("Get", f.factory)(t.Context(), nil)
		equal(t, "calls", calls.values["method Get outcome ok"], 1)
		equal(t, "attempts", attempts.values["method Get node tcp://a:1 outcome ok"], 1)
		equal(t, "failed attempts", attempts.values["method Get node tcp://a:1 outcome not sent"], 1)
		equal(t, "timed", len(seconds.values), 1)
	})
}

func TestSetInvalidOptions(t *testing.T) {
	f := &shop{}
	fixed := sd.FixedInstancer{"a:1"}
	for name, s := range map[string]*Set{
		"nil instancer":                 NewSet(nil, nil),
		"WithNodeParser(nil)":           NewSet(fixed, nil, WithNodeParser(nil)),
		"WithInvalidateOnError(-1ns)":   NewSet(fixed, nil, WithInvalidateOnError(-1)),
		"WithMiddleware(nil)":           NewSet(fixed, nil, WithMiddleware(nil)),
		"WithNodeMiddleware(nil)":       NewSet(fixed, nil, WithNodeMiddleware(nil)),
		"WithRetry(-3, 0s) is negative": NewSet(fixed, nil, WithRetry(-3, 0)),
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

// A Set of Clients over a pool.
func TestSetOfClients(t *testing.T) {
	pool := poolFunc(func(n muxpool.Node) error { return &muxpool.Error{Op: "get", Node: n, Err: io.ErrClosedPipe} })
	client := func(n transport.Node) *transport.Client {
		if n == node("b") {
			return nil
		}
		return transport.NewClient(pool, n, wire{}, "Sum", transport.EncodeBytes, transport.DecodeBytes)
	}
	s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil)
	defer s.Close()
	_, err := s.Endpoint("Sum", client)(t.Context(), []byte("x"))
	mustBe(t, err, io.ErrClosedPipe)
	equal(t, "node", nodeOf(err), node("a"))
	equal(t, "sent", maybeSent(err), false)
}

// poolFunc is a pool that has no connection, for the reason that it returns.
type poolFunc func(muxpool.Node) error

func (f poolFunc) GetMuxConn(_ context.Context, network, address string, _ muxpool.GetOptions) (muxpool.MuxConn, error) {
	return nil, f(muxpool.Node{Network: network, Address: address})
}

// wire is a protocol that nothing is sent in.
type wire struct{}

func (wire) Parse(io.Reader) (uint32, []byte, error) { return 0, nil, io.EOF }
func (wire) AppendRequest(dst []byte, _ uint32, _ *transport.Message) ([]byte, error) {
	return dst, nil
}
func (wire) ParseResponse([]byte, *transport.Message) error { return nil }
