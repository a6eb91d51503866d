package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// slowShop is a shop that takes its time for some nodes, and makes nothing of others.
type slowShop struct {
	shop
	takes map[string]time.Duration // by address
	fails map[string]bool
}

func (s *slowShop) factory(instance string) (endpoint.Endpoint, io.Closer, error) {
	address := strings.TrimPrefix(instance, "tcp://")
	time.Sleep(s.takes[address])
	if s.fails[address] {
		return nil, nil, fmt.Errorf("nothing is made of %s", address)
	}
	return s.shop.factory(instance)
}

// calledNodes are the nodes that a dozen calls come to, in turn.
func calledNodes(t *testing.T, ep endpoint.Endpoint) string {
	t.Helper()
	var all []string
	for range 12 {
		answer, err := ep(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		_, from, _ := strings.Cut(answer.(string), "from ")
		all = append(all, from)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// Of nodes that come together each is called as soon as it is made, and those that they replace are until all are.
func TestNodesThatComeTogetherAreCalledAsTheyAreMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := discover("old:1"), &slowShop{takes: map[string]time.Duration{"b:1": 400 * time.Millisecond, "c:1": 800 * time.Millisecond}}
		s := NewSet(d, nil, WithPolicy(RoundRobin), WithoutWait(), WithoutSlowStart())
		defer s.Close()
		ep := s.EndpointFrom("Sum", f.factory)
		begin := time.Now()
		d.send(sd.Event{Instances: []string{"a:1", "b:1", "c:1"}})
		for _, c := range []struct {
			at           time.Duration
			want, closed string
		}{
			{300 * time.Millisecond, "a:1 old:1", ""},
			{500 * time.Millisecond, "a:1 b:1 old:1", ""},
			{patience + 801*time.Millisecond, "a:1 b:1 c:1", "old:1"}, // c was begun beside b when that was passed
		} {
			time.Sleep(time.Until(begin.Add(c.at)))
			synctest.Wait()
			equal(t, fmt.Sprintf("called after %v", c.at), calledNodes(t, ep), c.want)
			equal(t, fmt.Sprintf("closed after %v", c.at), f.closes(), c.closed)
		}
	})
}

// A node of which nothing can be made is tried again while others are made, and counts once: those that they replace
// are called until the others are there.
func TestANodeThatFailsTwiceEndsNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := discover("old:1"), &slowShop{takes: map[string]time.Duration{"b:1": 800 * time.Millisecond}, fails: map[string]bool{"a:1": true}}
		s := NewSet(d, nil, WithoutWait())
		defer s.Close()
		ep := s.EndpointFrom("Sum", f.factory)
		d.send(sd.Event{Instances: []string{"a:1", "b:1"}})
		time.Sleep(500 * time.Millisecond)
		equal(t, "called while b is made", calledNodes(t, ep), "old:1")
		time.Sleep(301 * time.Millisecond)
		equal(t, "called then", calledNodes(t, ep), "b:1")
	})
}

// Nodes that are replaced leave when all methods have the new ones, and not before, however quick some are.
func TestNodesLeaveWhenAllMethodsHaveTheNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f, quick := discover("old:1"), &slowShop{takes: map[string]time.Duration{"a:1": 800 * time.Millisecond}}, &shop{}
		s := NewSet(d, nil)
		defer s.Close()
		s.EndpointFrom("Slow", f.factory)
		s.EndpointFrom("Quick", quick.factory)
		d.send(sd.Event{Instances: []string{"a:1"}})
		time.Sleep(500 * time.Millisecond)
		equal(t, "closed while a method lacks it", f.closes()+quick.closes(), "")
		time.Sleep(301 * time.Millisecond)
		synctest.Wait()
		equal(t, "closed then", f.closes()+" "+quick.closes(), "old:1 old:1")
	})
}

// Nodes are in the order of their text, whichever was made first.
func TestNodesAreInOrderWhicheverWasMadeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := discover()
		s := NewSet(d, nil)
		defer s.Close()
		ms := time.Millisecond
		one, other := &slowShop{takes: map[string]time.Duration{"a:1": 600 * ms, "b:1": 100 * ms, "c:1": 50 * ms}}, &slowShop{takes: map[string]time.Duration{"a:1": 200 * ms}}
		s.EndpointFrom("One", one.factory)
		s.EndpointFrom("Other", other.factory) // is made after that, in the lane
		d.send(sd.Event{Instances: []string{"a:1", "b:1", "c:1"}})
		for at, want := range []string{"b:1 c:1", "a:1 b:1 c:1"} {
			time.Sleep(500 * ms)
			synctest.Wait()
			nodes, err := s.methods[0].NodeEndpoints()
			got := ""
			for _, e := range nodes {
				got += e.Node().Address + " "
			}
			if got != want+" " || err != nil {
				t.Errorf("look %d: %s, %v, want %s", at, got, err, want)
			}
		}
	})
}

// Why there are no nodes is told of one that is named still, though another was the last that failed.
func TestWhyThereAreNoNodesIsOfOneThatIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, block, asked := discover("a:1", "b:1"), make(chan struct{}), 0
		s := NewSet(d, nil, WithoutWait())
		defer s.Close()
		defer close(block)
		ep := s.EndpointFrom("Sum", func(instance string) (endpoint.Endpoint, io.Closer, error) {
			if instance == "tcp://a:1" {
				if asked++; asked > 1 {
					<-block
				}
			}
			return nil, nil, errors.New("nothing is made of " + instance)
		})
		d.now(s, "a:1", "b:1") // asks again, and a does not answer
		synctest.Wait()
		d.now(s, "a:1")
		synctest.Wait()
		_, err := ep(t.Context(), nil)
		if e := as[*NoNodesError](t, err); !strings.Contains(e.Error(), "nothing is made of tcp://a:1") {
			t.Error(err)
		}
	})
}

// That a node is taken into use after all is told also if it has failed once.
func TestANodeThatFailedOnceIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		f := &failsFirst{n: 1, start: time.Now()}
		s := NewSet(discover("a:1"), log.NewLogfmtLogger(&out))
		defer s.Close()
		callEach(t, s.EndpointFrom("Sum", f.factory), 1)
		synctest.Wait()
		for _, want := range []string{"a node is left out", "a node is taken into use after all"} {
			if strings.Count(out.String(), want) != 1 {
				t.Errorf("%q is not told once:\n%s", want, out.String())
			}
		}
	})
}

// A node that is back keeps the connections that its Client had before, and lets go what else was held of it.
func TestWhatElseWasHeldOfANodeThatIsBackIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		pool := &dropsNoted{poolFunc: func(n muxpool.Node) error {
			if n == node("a") {
				<-block
			}
			return errNoConn
		}}
		d, own := discover("a:1"), newSwitchboard()
		s := NewSet(d, nil)
		defer s.Close()
		sum := s.Endpoint("Sum", func(n transport.Node) *transport.Client {
			return transport.NewClient(pool, n, wire{}, "Sum", transport.EncodeBytes, transport.DecodeBytes)
		}, withBreakers(own))
		go sum(context.Background(), []byte("x"))
		synctest.Wait()
		d.now(s, "b:1")
		d.now(s, "a:1")
		equal(t, "holds while the old one drains", own.holds(node("a")), 2)
		close(block)
		synctest.Wait()
		equal(t, "holds", own.holds(node("a")), 1)
		equal(t, "connections let go", pool.dropped(), "b:1")
	})
}
