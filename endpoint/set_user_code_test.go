package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// theirs are the places where a Set calls what the user gave it.
var theirs = []string{"node parser", "factory", "middleware maker", "middleware", "closer", "logger", "refresher", "deregister"}

// troubled is a Set at one of whose places trouble is called, once it is stirred. Instances
// named x... make the parser and the factory meet it.
type troubled struct {
	*discovery
	set     *Set
	trouble func()
	place   string
	met     atomic.Int64
	stirred atomic.Bool
	forever chan struct{}
}

func (u *troubled) meet(place string) {
	if u.stirred.Load() && place == u.place {
		u.met.Add(1)
		u.trouble()
	}
}

func (u *troubled) Refresh() { u.meet("refresher") }

func (u *troubled) Deregister(ch chan<- sd.Event) {
	u.meet("deregister")
	u.discovery.Deregister(ch)
}

func (u *troubled) Log(...any) error { u.meet("logger"); return nil }

func (u *troubled) parse(instance string) (muxpool.Node, error) {
	if strings.HasPrefix(instance, "x") {
		u.meet("node parser")
	}
	return ParseNode(instance)
}

func (u *troubled) make(address string) (endpoint.Endpoint, io.Closer, error) {
	if strings.HasPrefix(address, "tcp://x") {
		u.meet("factory")
	}
	answer := func(context.Context, any) (any, error) { return address, nil }
	return answer, release(func() { u.meet("closer") }), nil
}

func (u *troubled) middleware(_ string, n muxpool.Node) endpoint.Middleware {
	if strings.HasPrefix(n.Address, "x") {
		u.meet("middleware maker")
	}
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		if strings.HasPrefix(n.Address, "x") {
			u.meet("middleware")
		}
		return next
	}
}

// stir has each place be called: with new instances, one that is none, one that leaves, and a
// call that finds no node.
func (u *troubled) stir(t *testing.T) {
	u.stirred.Store(true)
	lost := u.set.EndpointFrom("lost", func(string) (endpoint.Endpoint, io.Closer, error) { return nil, nil, errors.New("none") })
	lost(t.Context(), nil)
	u.send(sd.Event{Instances: []string{"a:1", "rubbish", "x1:1", "x2:1"}})
	synctest.Wait()
	u.send(sd.Event{Instances: []string{"a:1", "rubbish", "x1:1"}})
	synctest.Wait()
}

func trouble(t *testing.T, place string, what func(u *troubled) func(), story func(u *troubled, ep endpoint.Endpoint)) {
	synctest.Test(t, func(t *testing.T) {
		u := &troubled{discovery: discover("a:1", "b:1"), place: place, forever: make(chan struct{})}
		u.trouble = what(u)
		u.set = NewSet(u, u, WithNodeParser(u.parse), WithNodeMiddleware(u.middleware), withBreakers(newSwitchboard()))
		ep := u.set.EndpointFrom("Sum", u.make)
		callEach(t, ep, 2)
		u.stir(t)
		story(u, ep)
		u.set.Close()
		if err := u.set.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if u.met.Load() == 0 {
			t.Errorf("the %s was not called", place)
		}
	})
}

// follows expects that s goes on following discovery and serves what it has, within a few
// times the patience.
func (u *troubled) follows(t *testing.T, ep endpoint.Endpoint, fresh string) {
	t.Helper()
	start := time.Now()
	if _, err := ep(t.Context(), nil); err != nil {
		t.Error(err)
	}
	u.send(sd.Event{Instances: []string{fresh}})
	time.Sleep(10 * patience)
	synctest.Wait()
	got, err := ep(t.Context(), nil)
	if err != nil || got != "tcp://"+fresh {
		t.Errorf("%v after a change: %v, %v, want %s", time.Since(start), got, err, fresh)
	}
	if n := addresses(u.set); n != fresh {
		t.Errorf("nodes: %s, want %s", n, fresh)
	}
}

// What the user gave a Set may call it: there is no lock and no goroutine that it waits for.
func TestUserCodeMayCallTheSet(t *testing.T) {
	for _, place := range theirs {
		t.Run(place, func(t *testing.T) {
			calls := func(u *troubled) func() {
				var once atomic.Bool
				return func() {
					u.set.Nodes()
					if once.CompareAndSwap(false, true) {
						u.set.EndpointFrom("another", nop)(context.Background(), nil)
					}
				}
			}
			trouble(t, place, calls, func(u *troubled, ep endpoint.Endpoint) { u.follows(t, ep, "c:1") })
		})
		t.Run(place+" closes", func(t *testing.T) {
			closes := func(u *troubled) func() {
				return func() {
					if place == "deregister" { // who closes waits for itself, a second
						u.set.Nodes()
						return
					}
					u.set.Close()
				}
			}
			trouble(t, place, closes, func(u *troubled, ep endpoint.Endpoint) {
				time.Sleep(10 * patience)
				synctest.Wait()
				if place != "deregister" {
					_, err := ep(t.Context(), nil)
					mustBe(t, err, ErrSetClosed)
				}
			})
		})
	}
}

// A panic ends nothing but what panicked; neither does a Goexit, as of a test's FailNow.
func TestPanicsOfUserCodeAreContained(t *testing.T) {
	for _, place := range theirs {
		t.Run(place, func(t *testing.T) {
			panics := func(*troubled) func() { return func() { panic("at the " + place) } }
			trouble(t, place, panics, func(u *troubled, ep endpoint.Endpoint) { u.follows(t, ep, "c:1") })
		})
		t.Run(place+", Goexit", func(t *testing.T) {
			exits := func(*troubled) func() { return func() { runtime.Goexit() } }
			trouble(t, place, exits, func(u *troubled, ep endpoint.Endpoint) { u.follows(t, ep, "c:1") })
		})
	}
}

// User code that blocks for ever holds up the others for a moment, once: the Set serves its
// nodes, follows discovery, and can be closed.
func TestUserCodeThatBlocksStopsNobodyElse(t *testing.T) {
	for _, place := range theirs {
		t.Run(place, func(t *testing.T) {
			var closing time.Time
			blocks := func(u *troubled) func() { return func() { <-u.forever } }
			trouble(t, place, blocks, func(u *troubled, ep endpoint.Endpoint) {
				u.follows(t, ep, "c:1")
				u.follows(t, ep, "d:1")
				u.follows(t, u.set.EndpointFrom("Mul", u.make), "e:1")
				closing = time.Now()
				u.set.Close()
				if took := time.Since(closing); took > 2*closeTime {
					t.Errorf("Close took %v", took)
				}
				close(u.forever)
			})
		})
	}
}

// However often discovery changes, no place is entered again by what is still blocked there.
func TestBlockedUserCodeDoesNotPileUp(t *testing.T) {
	for place, most := range map[string]int64{"node parser": 2, "factory": 2, "middleware": 2, "logger": 1, "refresher": 1} {
		t.Run(place, func(t *testing.T) {
			blocks := func(u *troubled) func() { return func() { <-u.forever } }
			trouble(t, place, blocks, func(u *troubled, ep endpoint.Endpoint) {
				for i := range 50 {
					u.send(sd.Event{Instances: []string{"a:1", "rubbish", "x1:1", "x2:1"}})
					if i%2 == 0 {
						u.send(sd.Event{Err: errors.New("down")})
					}
					u.set.askAgain()
					time.Sleep(2 * time.Second)
				}
				if n := u.met.Load(); n > most {
					t.Errorf("%d are blocked, want at most %d", n, most)
				}
				close(u.forever)
			})
		})
	}
}

// A method, or a parser, that blocks at every node holds up the others once, not for each.
func TestBlockedUserCodeHoldsUpTheOthersOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		d, f := discover("a:1"), &shop{}
		s := NewSet(d, nil, WithNodeParser(func(instance string) (muxpool.Node, error) {
			if strings.HasPrefix(instance, "x") {
				<-block
			}
			return ParseNode(instance)
		}))
		defer s.Close()
		s.EndpointFrom("Stuck", func(instance string) (endpoint.Endpoint, io.Closer, error) {
			if instance != "tcp://a:1" {
				<-block
			}
			return endpoint.Nop, nil, nil
		})
		ep := s.EndpointFrom("Sum", f.factory)
		var all []string
		for i := range 50 {
			all = append(all, fmt.Sprintf("x%d:1", i), fmt.Sprintf("b%d:1", i))
		}
		d.send(sd.Event{Instances: all})
		time.Sleep(2*patience + time.Millisecond)
		synctest.Wait()
		callEach(t, ep, 50)
		close(block)
		synctest.Wait()
		equal(t, "nodes in the end", len(s.Nodes()), 100)
	})
}

// Nor is a parser that refused an instance before it blocked at it.
func TestAParserThatBlocksIsNotAskedBesideItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block, asked := make(chan struct{}), atomic.Int64{}
		d := discover("a:1")
		s := NewSet(d, nil, WithNodeParser(func(string) (muxpool.Node, error) {
			if asked.Add(1) > 1 {
				<-block
			}
			return muxpool.Node{}, errors.New("no")
		}))
		defer s.Close()
		for range 10 {
			d.send(sd.Event{Instances: []string{"a:1"}})
			time.Sleep(time.Second)
		}
		equal(t, "asked", asked.Load(), 2)
		close(block)
	})
}

// A node whose endpoint takes long is taken into use when it is there; those that it replaces
// serve until then, for a second.
func TestNodesThatAreReplacedServeUntilTheNewOnesAreMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := discover("a:1"), &shop{}
		s := NewSet(d, nil)
		defer s.Close()
		wait := 800 * time.Millisecond
		ep := s.EndpointFrom("Sum", func(instance string) (endpoint.Endpoint, io.Closer, error) {
			if instance != "tcp://a:1" {
				time.Sleep(wait)
			}
			return f.factory(instance)
		})
		stop := make(chan struct{})
		var calls sync.WaitGroup
		defer bounded.Wait(t, calls.Wait)
		defer close(stop)
		calls.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
				if _, err := ep(t.Context(), nil); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for _, next := range []string{"b:1", "c:1", "d:1"} { // the first is passed, the others are made beside the lane
			d.send(sd.Event{Instances: []string{next}})
			time.Sleep(wait + time.Millisecond)
			synctest.Wait()
			got, err := ep(t.Context(), "x")
			if err != nil || got != "x from "+next {
				t.Errorf("%v, %v, want %s", got, err, next)
			}
		}
		equal(t, "closed", f.closes(), "a:1 b:1 c:1")
	})
}

// Who blocked and has returned is called in the lane again: one at a time.
func TestUserCodeIsCalledOneAtATimeAgainOnceItHasReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inside, most atomic.Int64
		enter := func() {
			most.Store(max(most.Load(), inside.Add(1)))
			time.Sleep(time.Millisecond)
			inside.Add(-1)
		}
		block := make(chan struct{})
		d := discover("a:1")
		s := NewSet(d, nil, WithNodeParser(func(instance string) (muxpool.Node, error) {
			if instance == "slow:1" {
				<-block
			}
			enter()
			return ParseNode(instance)
		}))
		defer s.Close()
		s.EndpointFrom("Sum", func(instance string) (endpoint.Endpoint, io.Closer, error) {
			if instance == "tcp://stuck:1" {
				<-block
			}
			enter()
			return endpoint.Nop, nil, nil
		})
		d.send(sd.Event{Instances: []string{"slow:1", "stuck:1"}})
		time.Sleep(time.Minute)
		close(block)
		time.Sleep(time.Minute)
		equal(t, "nodes", addresses(s), "slow:1 stuck:1")
		most.Store(0)
		d.send(sd.Event{Instances: fleetOf(20, 0)})
		time.Sleep(time.Minute)
		equal(t, "at once", most.Load(), 1)
	})
}

// A panic of a closer neither ends the process nor keeps the others from being closed.
func TestEveryCloserIsCalled(t *testing.T) {
	var out bytes.Buffer
	b, closed := newSwitchboard(), 0
	s := NewSet(sd.FixedInstancer{"a:1"}, log.NewLogfmtLogger(&out), withBreakers(b))
	for range 3 {
		s.EndpointFrom("Sum", func(string) (endpoint.Endpoint, io.Closer, error) {
			return endpoint.Nop, release(func() { closed++; panic("no") }), nil
		})
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	equal(t, "closed", closed, 3)
	equal(t, "holds", b.holds(node("a")), 0)
	equal(t, "panics told", strings.Count(out.String(), "panic in closing a client"), 3)
}

// The maker of a method's middleware runs in the user's own goroutine; its panic is told by
// the endpoint.
func TestAPanicOfAMiddlewareMakerIsToldByTheEndpoint(t *testing.T) {
	s := NewSet(sd.FixedInstancer{"a:1"}, nil)
	defer s.Close()
	_, err := s.EndpointFrom("Sum", nop, WithMiddleware(func(string) endpoint.Middleware { panic("boom") }))(t.Context(), nil)
	mustBe(t, err, ErrInvalidOption)
	as[*PanicError](t, err)
}

// registering is a discovery whose registration meets trouble first.
type registering struct {
	*discovery
	trouble func()
	left    atomic.Int64
}

func (r *registering) Register(ch chan<- sd.Event) {
	r.trouble()
	r.discovery.Register(ch)
}

func (r *registering) Deregister(ch chan<- sd.Event) {
	r.left.Add(1)
	r.discovery.Deregister(ch)
}

// An Instancer that panics, ends its goroutine or blocks when a Set registers, as a go-kit one
// does while another subscriber of it does not listen, neither ends the process nor holds up
// who makes the Set for long. What it says later counts, and it is not left in the middle.
func TestAnInstancerThatCannotRegisterASet(t *testing.T) {
	released := make(chan struct{})
	for name, c := range map[string]struct {
		trouble func()
		took    time.Duration
	}{
		"panics":           {func() { panic("no discovery") }, 0},
		"ends its routine": {runtime.Goexit, 0},
		"blocks":           {nil, closeTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &registering{discovery: discover("a:1"), trouble: c.trouble}
				if c.trouble == nil {
					released = make(chan struct{})
					r.trouble = func() { <-released }
				}
				begin := time.Now()
				s := NewSet(r, nil, WithWait(time.Minute))
				equal(t, "NewSet took", time.Since(begin), c.took)
				get := s.EndpointFrom("Get", (&shop{}).factory)
				if c.trouble == nil {
					time.AfterFunc(time.Second, func() { close(released) })
					if _, err := get(t.Context(), nil); err != nil {
						t.Error(err)
					}
					s.Close()
					equal(t, "left", r.left.Load(), 1)
					return
				}
				_, err := get(WithCallOptions(t.Context(), CallWithoutWait()), nil)
				as[*NoNodesError](t, err)
				if name == "panics" {
					equal(t, "cause", as[*PanicError](t, err).Value, any("no discovery"))
				}
				s.Close()
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // closed while it blocks: it is left once it has joined
		released = make(chan struct{})
		r := &registering{discovery: discover("a:1"), trouble: func() { <-released }}
		s := NewSet(r, nil)
		begin := time.Now()
		s.Close()
		equal(t, "Close took", time.Since(begin), closeTime)
		equal(t, "left before it had joined", r.left.Load(), 0)
		close(released)
		synctest.Wait()
		equal(t, "left", r.left.Load(), 1)
		equal(t, "subscribed", len(r.subscribed), 0)
	})
}

// leaver is an Instancer whose Register ends its goroutine.
type leaver struct{ sd.FixedInstancer }

func (leaver) Register(chan<- sd.Event) { runtime.Goexit() }

// User code that makes nothing and says no word of it is told all the same: by a call's error, and by the log.
func TestUserCodeThatSaysNothing(t *testing.T) {
	nothing := func(endpoint.Endpoint) endpoint.Endpoint { return nil }
	nowhere := func(string) (muxpool.Node, error) { return muxpool.Node{}, nil }
	for name, c := range map[string]struct {
		of   sd.Instancer
		opt  Option
		says string
	}{
		"an Instancer that ends its goroutine": {leaver{}, Options(), "did not return"},
		"a parser that makes no node":          {sd.FixedInstancer{"a:1"}, WithNodeParser(nowhere), "WithNodeParser"},
		"a middleware of nodes that makes nothing": {sd.FixedInstancer{"a:1"}, WithNodeMiddleware(func(string, muxpool.Node) endpoint.Middleware { return nothing }),
			"WithNodeMiddleware"},
		"a middleware that makes nothing": {sd.FixedInstancer{"a:1"}, WithMiddleware(func(string) endpoint.Middleware { return nothing }), "WithMiddleware"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewSet(c.of, nil, WithoutWait(), c.opt)
				defer s.Close()
				ep := s.EndpointFrom("M", nop)
				if ep == nil {
					t.Fatal("the endpoint is nil")
				}
				if _, err := Recovery(nil)(ep)(t.Context(), nil); err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v does not say %s", err, c.says)
				}
			})
		})
	}
}
