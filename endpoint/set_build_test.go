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
	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// failsFirst makes endpoints, after n failures of a node, which are noted with their time.
type failsFirst struct {
	shop
	n     int
	how   func()
	start time.Time
	asked []time.Duration
}

func (f *failsFirst) factory(instance string) (endpoint.Endpoint, io.Closer, error) {
	if !strings.HasPrefix(instance, "tcp://a") {
		return f.shop.factory(instance)
	}
	f.mu.Lock()
	f.asked = append(f.asked, time.Since(f.start))
	fails := len(f.asked) <= f.n
	f.mu.Unlock()
	if !fails {
		return f.shop.factory(instance)
	}
	if f.how != nil {
		f.how()
	}
	return nil, nil, fmt.Errorf("not yet")
}

// A factory that failed is asked again without any event, less and less often, and told of
// once.
func TestAFactoryThatFailsIsAskedAgain(t *testing.T) {
	for name, how := range map[string]func(){"an error": nil, "a panic": func() { panic("not yet") }, "the end of its goroutine": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				f := &failsFirst{n: 12, how: how, start: time.Now()}
				s := NewSet(discover("a:1"), log.NewLogfmtLogger(&out))
				defer s.Close()
				ep := s.EndpointFrom("Sum", f.factory)
				_, err := ep(t.Context(), nil)
				mustBe(t, err, lb.ErrNoEndpoints)
				if !strings.Contains(err.Error(), "not yet") && !strings.Contains(err.Error(), "did not return") {
					t.Errorf("the cause is not told: %v", err)
				}
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				callEach(t, ep, 1)
				equal(t, "asked", len(f.asked), 13)
				bound := 100 * time.Millisecond
				for i := 1; i < len(f.asked); i++ {
					if wait := f.asked[i] - f.asked[i-1]; wait < bound/2 || wait > bound {
						t.Errorf("wait %d is %v, want %v to %v", i, wait, bound/2, bound)
					}
					bound = min(2*bound, 30*time.Second)
				}
				equal(t, "lines", strings.Count(out.String(), "\n"), 2)
				if !strings.Contains(out.String(), "is left out") || !strings.Contains(out.String(), "after all") {
					t.Error(out.String())
				}
			})
		})
	}
}

// Calls wait for a node whose factory is asked again, however it failed.
func TestCallsWaitForAFactoryThatFails(t *testing.T) {
	for name, how := range map[string]func(){"an error": nil, "a panic": func() { panic("not yet") }, "the end of its goroutine": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &failsFirst{n: 3, how: how, start: time.Now()}
				s := NewSet(discover("a:1"), nil)
				defer s.Close()
				if _, err := s.EndpointFrom("Sum", f.factory)(t.Context(), nil); err != nil {
					t.Error(err)
				}
				equal(t, "asked", len(f.asked), 4)
			})
		})
	}
}

// An event that names the node has the factory asked at once, as go-kit does; also one that
// changes nothing.
func TestAFactoryThatFailedIsAskedAtEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failsFirst{n: 3, start: time.Now()}
		d := discover("a:1", "b:1")
		s := NewSet(d, nil)
		defer s.Close()
		ep := s.EndpointFrom("Sum", f.factory)
		callEach(t, ep, 1)
		for asked := 2; asked <= 4; asked++ {
			d.now(s, "a:1", "b:1")
			equal(t, "asked", len(f.asked), asked)
		}
		callEach(t, ep, 2)
		d.now(s, "a:1", "b:1")
		time.Sleep(time.Hour)
		equal(t, "asked in all", len(f.asked), 4)
	})
}

// Nobody is asked for a node that is gone, or for a Set that is closed.
func TestAFactoryIsNotAskedForANodeThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failsFirst{n: 1 << 30, start: time.Now()}
		d := discover("a:1", "b:1")
		s := NewSet(d, nil)
		s.EndpointFrom("Sum", f.factory)
		time.Sleep(time.Second)
		d.now(s, "b:1")
		n := len(f.asked)
		time.Sleep(time.Hour)
		equal(t, "asked after the drop", len(f.asked), n)
		equal(t, "failing", len(s.failing), 0)
		d.now(s, "a:1", "b:1")
		s.Close()
		n = len(f.asked)
		time.Sleep(time.Hour)
		equal(t, "asked after Close", len(f.asked), n)
	})
}

// A factory that blocks is not asked beside itself about the node at which it blocks.
func TestAFactoryThatBlocksIsNotAskedBesideItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f, block, n := discover("a:1"), &shop{}, make(chan struct{}), 0
		s := NewSet(d, nil)
		defer s.Close()
		ep := s.EndpointFrom("Sum", func(instance string) (endpoint.Endpoint, io.Closer, error) {
			if n++; n == 1 {
				return nil, nil, errors.New("not yet")
			}
			<-block
			return f.factory(instance)
		})
		for range 10 {
			d.send(sd.Event{Instances: []string{"a:1"}})
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		equal(t, "asked", n, 2)
		close(block)
		synctest.Wait()
		callEach(t, ep, 1)
	})
}

// Another kind of failure is told again; the same one is not.
func TestAFailureIsLoggedOncePerKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d, n := discover("a:1"), 0
		s := NewSet(d, log.NewLogfmtLogger(&out))
		defer s.Close()
		s.EndpointFrom("Sum", func(string) (endpoint.Endpoint, io.Closer, error) {
			n++
			return nil, nil, fmt.Errorf("kind %d", n/10)
		})
		for range 18 {
			d.now(s, "a:1")
		}
		equal(t, "asked", n, 19)
		equal(t, "lines", strings.Count(out.String(), "\n"), 2)
	})
}

// What could not be made once, and was made then, or is gone, is no reason why there are no nodes now: calls
// wait for one that is being made, as if nothing had ever failed.
func TestAnOldFailureIsNoReason(t *testing.T) {
	for name, last := range map[string]string{"of what was made then": "a:1", "of what is gone": "never:1"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failed := map[string]bool{}
				d := discover("a:1", last)
				s := NewSet(d, nil)
				defer s.Close()
				ep := s.EndpointFrom("Sum", func(instance string) (endpoint.Endpoint, io.Closer, error) {
					switch instance = strings.TrimPrefix(instance, "tcp://"); {
					case instance == "b:1":
						time.Sleep(5 * time.Second)
					case instance == "never:1", instance == last && !failed[instance]:
						failed[instance] = true
						return nil, nil, fmt.Errorf("%w: of %s", ErrInvalidOption, instance)
					}
					return func(context.Context, any) (any, error) { return instance, nil }, nil, nil
				})
				time.Sleep(time.Minute)
				d.now(s, "b:1")
				time.Sleep(2 * time.Second) // those that are gone are waited with no longer
				if got, err := ep(t.Context(), nil); got != "b:1" {
					t.Errorf("called %v, %v", got, err)
				}
			})
		})
	}
}

// A parser that refused an instance is asked again at the next event that names it, and told
// of once; what it made a node of is not asked again.
func TestAParserIsAskedAgainAboutWhatItRefused(t *testing.T) {
	var out bytes.Buffer
	asked := map[string]int{}
	d := discover("one:1", "two:1")
	s := NewSet(d, log.NewLogfmtLogger(&out), WithNodeParser(func(instance string) (muxpool.Node, error) {
		if asked[instance]++; instance == "two:1" && asked[instance] < 3 {
			return muxpool.Node{}, errors.New("not yet")
		}
		return ParseNode(instance)
	}))
	defer s.Close()
	equal(t, "nodes", addresses(s), "one:1")
	for range 4 {
		d.now(s, "two:1", "one:1")
	}
	equal(t, "nodes", addresses(s), "one:1 two:1")
	equal(t, "asked about one", asked["one:1"], 1)
	equal(t, "asked about two", asked["two:1"], 3)
	equal(t, "lines", strings.Count(out.String(), "\n"), 1)
}

// dropsNoted is a pool that notes what it is to let go.
type dropsNoted struct {
	poolFunc
	mu    sync.Mutex
	drops []string
}

func (p *dropsNoted) Drop(n muxpool.Node) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drops = append(p.drops, n.Address)
}

func (p *dropsNoted) dropped() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.drops, " ")
}

// The connections of a node are let go when its last call has returned, by all methods at
// once; not if discovery names it again by then, whose calls are on them.
func TestADroppedNodesConnectionsAreLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		pool := &dropsNoted{poolFunc: func(n muxpool.Node) error {
			if n == node("a") {
				<-block
			}
			return errNoConn
		}}
		client := func(n transport.Node) *transport.Client {
			return transport.NewClient(pool, n, wire{}, "Sum", transport.EncodeBytes, transport.DecodeBytes)
		}
		d := discover("a:1")
		s := NewSet(d, nil)
		defer s.Close()
		sum := s.Endpoint("Sum", client)
		s.Endpoint("Mul", client)
		call := func() { go sum(context.Background(), []byte("x")) }
		call()
		synctest.Wait()
		d.now(s, "b:1")
		equal(t, "let go with a call in flight", pool.dropped(), "")
		d.now(s, "a:1")
		equal(t, "let go while named again", pool.dropped(), "b:1 b:1")
		close(block)
		synctest.Wait()
		equal(t, "let go when the old one has drained", pool.dropped(), "b:1 b:1")
		d.now(s, "b:1")
		synctest.Wait()
		equal(t, "let go in the end", pool.dropped(), "b:1 b:1 a:1 a:1")
	})
}

// Over a real pool: nothing of a dropped node stays, and another Set that uses it goes on.
func TestDroppedNodesLeaveThePool(t *testing.T) {
	one, _ := serveEcho(t)
	two, _ := serveEcho(t)
	pool := newPool(t)
	d, other := discover(one, two), discover(one, two)
	s, beside := NewSet(d, nil, WithPolicy(RoundRobin)), NewSet(other, nil, WithPolicy(RoundRobin))
	defer s.Close()
	defer beside.Close()
	call := func(ep endpoint.Endpoint) {
		t.Helper()
		for range 4 {
			if _, err := ep(t.Context(), []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	mine, theirs := s.Endpoint("Echo", echoClient(pool)), beside.Endpoint("Echo", echoClient(pool))
	call(mine)
	call(theirs)
	d.now(s, two)
	call(theirs) // dials anew
	other.now(beside, two)
	for range 1000 {
		left := 0
		for _, n := range pool.Stats().Nodes {
			if n.Node.Address == one {
				left++
			}
		}
		if left == 0 {
			call(mine)
			call(theirs)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the pool still has the node: %+v", pool.Stats())
}

// What is made late, for a node that has drained meanwhile, is closed.
func TestALateEndpointOfADrainedNodeIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d, f := newSwitchboard(), discover("a:1"), &shop{}
		s := NewSet(d, nil, withBreakers(b))
		defer s.Close()
		block := make(chan struct{})
		ep := s.EndpointFrom("Sum", func(instance string) (endpoint.Endpoint, io.Closer, error) {
			if instance == "tcp://b:1" {
				<-block
			}
			return f.factory(instance)
		})
		d.send(sd.Event{Instances: []string{"b:1", "a:1"}})
		time.Sleep(time.Hour)
		d.now(s, "a:1")
		synctest.Wait()
		equal(t, "holds", b.holds(node("b")), 0)
		close(block)
		synctest.Wait()
		equal(t, "closed", f.closes(), "b:1")
		callEach(t, ep, 1)
	})
}

// What was made of a node before something else failed is closed, at each build: its maker holds
// nothing for ever.
func TestWhatIsMadeOfANodeThatFailsIsClosed(t *testing.T) {
	for name, mw := range map[string]endpoint.Middleware{
		"a middleware panics":  func(endpoint.Endpoint) endpoint.Endpoint { panic("no") },
		"there is none":        nil,
		"there is no endpoint": func(next endpoint.Endpoint) endpoint.Endpoint { return next },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var made, closed atomic.Int64
				factory := func(string) (endpoint.Endpoint, io.Closer, error) {
					made.Add(1)
					ep := endpoint.Nop
					if name == "there is no endpoint" {
						ep = nil
					}
					return ep, release(func() { closed.Add(1) }), nil
				}
				s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithNodeMiddleware(func(string, muxpool.Node) endpoint.Middleware { return mw }))
				s.EndpointFrom("Get", factory)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if made.Load() < 10 || closed.Load() != made.Load() {
					t.Errorf("made %d times, closed %d times", made.Load(), closed.Load())
				}
				s.Close()
				synctest.Wait()
				equal(t, "closed in the end", closed.Load(), made.Load())
			})
		})
	}
	closed := false
	cfg := newConfig([]Option{WithNodeMiddleware(func(string, muxpool.Node) endpoint.Middleware { return nil })})
	_, err := cfg.nodeEndpoint("a:1", func(muxpool.Node) (built, error) {
		return built{Endpoint: endpoint.Nop, closer: release(func() { closed = true; panic("no") })}, nil
	})
	if err == nil || !closed {
		t.Errorf("a Directory's: %v, closed %v", err, closed)
	}
}
