package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
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

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

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
	s := NewSet(d, nil, WithKeepNodes(DropAtOnce, 0), WithoutWait())
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
	synctest.Test(t, func(t *testing.T) { // or a machine that stands still has a factory passed, which is told later
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
	})
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
		equal(t, "answer", bounded.Receive(t, answer), any("old from a:1, <nil>"))
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
	s := NewSet(d, nil, WithoutWait())
	defer s.Close()
	_, err := s.EndpointFrom("Sum", (&shop{}).factory)(t.Context(), nil)
	mustBe(t, err, cause, lb.ErrNoEndpoints)
	equal(t, "sent", verdict.Of(err).Sent(), false)
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
			}, release(func() {
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
	bounded.Wait(t, wg.Wait)
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

func TestSetForgetsDroppedNodes(t *testing.T) {
	d := discover()
	s := NewSet(d, nil)
	defer s.Close()
	s.EndpointFrom("Get", (&shop{}).factory)
	for i := range 100 {
		d.now(s, fmt.Sprintf("n%d:1", i))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	equal(t, "nodes of the method", len(s.methods[0].view.Load().nodes), 1)
	equal(t, "members", len(s.members), 1)
	equal(t, "instances", len(s.instances), 1)
	equal(t, "changes", len(s.changes), 0)
}

// Events that come faster than the Set follows are taken as one: the last list counts, and an
// error that came after it.
func TestAListIsNotLostToAnErrorThatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := discover("a:1")
		s := NewSet(d, nil, WithInvalidateOnError(time.Minute))
		defer s.Close()
		busy := func(events ...sd.Event) {
			block := make(chan struct{})
			s.lane.push(func() { <-block })
			for _, ev := range events {
				d.send(ev)
			}
			close(block)
			settle(s)
		}
		down := errors.New("down")
		busy(sd.Event{Instances: []string{"b:1"}}, sd.Event{Instances: []string{"c:1"}}, sd.Event{Err: down})
		equal(t, "nodes", addresses(s), "c:1")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		equal(t, "nodes after the error's time", addresses(s), "")
		busy(sd.Event{Instances: []string{"e:1"}}, sd.Event{})
		equal(t, "nodes after a moment without", addresses(s), "e:1")
		busy(sd.Event{}, sd.Event{Err: down}, sd.Event{Instances: []string{"f:1"}}, sd.Event{}, sd.Event{Err: down})
		equal(t, "nodes after more of them", addresses(s), "f:1")
		busy(sd.Event{Err: down}, sd.Event{Instances: []string{"d:1"}})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		equal(t, "nodes after an error that was over", addresses(s), "d:1")
	})
}

// So it is where the list is the user's parser's to read. What that has read before an empty list it is not asked again.
func TestAParserLosesNoErrorAndReadsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, d := 0, discover("a:1")
		s := NewSet(d, nil, WithInvalidateOnError(time.Minute), WithNodeParser(func(instance string) (muxpool.Node, error) {
			asked++
			return ParseNode(instance)
		}))
		defer s.Close()
		block := make(chan struct{})
		s.lane.push(func() { <-block })
		d.send(sd.Event{Instances: []string{"b:1", "c:1"}})
		d.send(sd.Event{Err: errors.New("down")})
		close(block)
		settle(s)
		equal(t, "nodes", addresses(s), "b:1 c:1")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		equal(t, "nodes after the error's time", addresses(s), "")
		d.now(s, "d:1", "e:1")
		asked = 0
		d.now(s)
		d.now(s, "e:1", "d:1")
		equal(t, "asked about what it had read", asked, 0)
	})
}

// A node that discovery dropped and names again is a new one: what the old one has in flight,
// and the load that moved off it, are not its. Its breaker is held anew.
func TestANodeThatComesBackStartsClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d, f := newSwitchboard(), discover("a:1", "b:1"), &shop{}
		s := NewSet(d, nil, withBreakers(b), WithoutSlowStart())
		defer s.Close()
		ep := s.EndpointFrom("Sum", f.factory)
		f.do = func(muxpool.Node, context.Context) error { time.Sleep(time.Second); return nil }
		for range 20 {
			go ep(t.Context(), nil)
		}
		synctest.Wait()
		old := s.order[0]
		old.weight.halve()
		d.now(s, "b:1")
		d.now(s, "a:1", "b:1")
		fresh := s.order[0]
		equal(t, "node", fresh.node, node("a"))
		equal(t, "it is the old one", fresh == old, false)
		equal(t, "in flight", s.Nodes()[0].InFlight, 0)
		equal(t, "weight", fresh.weight.share(), int64(full))
		equal(t, "holds while the old one drains", b.holds(node("a")), 2)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		equal(t, "holds", b.holds(node("a")), 1)
	})
}
