package endpoint

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/log"
)

// outages are the ways in which discovery loses sight of nodes that are well.
var outages = map[string]func(d *discovery, s *Set){
	"empty lists":         func(d *discovery, s *Set) { d.now(s) },
	"errors":              func(d *discovery, s *Set) { d.fails(s, errors.New("etcd is down")) },
	"nothing but rubbish": func(d *discovery, s *Set) { d.now(s, "rubbish", "http://a:1") },
	"a flap of all":       func(d *discovery, s *Set) { d.now(s); d.fails(s, errors.New("x")); d.now(s); d.now(s) },
}

// A moment, and seconds, without nodes lose no call and touch no node: not its endpoint, not
// its breaker, not what it has in flight.
func TestNodesAreKeptWhileDiscoveryNamesNone(t *testing.T) {
	for name, outage := range outages {
		for _, length := range []time.Duration{0, 50 * time.Millisecond, 8 * time.Second, 59 * time.Second} {
			t.Run(name+" for "+length.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b, d, f := newSwitchboard(), discover("a:1", "b:1"), &shop{}
					s := NewSet(d, nil, withBreakers(b))
					defer s.Close()
					ep := s.EndpointFrom("Sum", f.factory)
					before := s.order
					outage(d, s)
					time.Sleep(length)
					callEach(t, ep, 2)
					d.now(s, "a:1", "b:1")
					time.Sleep(time.Hour)
					callEach(t, ep, 2)
					equal(t, "made", strings.Join(f.made, " "), "a:1 b:1")
					equal(t, "closed", f.closes(), "")
					equal(t, "a is who it was", s.order[0], before[0])
					equal(t, "holds", b.holds(node("a")), 1)
				})
			})
		}
	}
}

// A service that is scaled to nothing is believed in the end.
func TestNodesAreDroppedWhenTheListWasEmptyForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := discover("a:1"), &shop{}
		s := NewSet(d, nil)
		defer s.Close()
		ep := s.EndpointFrom("Sum", f.factory)
		for range 6 { // what repeats itself does not begin the minute anew
			d.now(s)
			callEach(t, ep, 1)
			time.Sleep(10 * time.Second)
		}
		synctest.Wait()
		_, err := ep(t.Context(), nil)
		mustBe(t, err, lb.ErrNoEndpoints)
		equal(t, "closed", f.closes(), "a:1")
		d.now(s, "a:1")
		callEach(t, ep, 1)
		equal(t, "made", strings.Join(f.made, " "), "a:1 a:1")
	})
}

func TestWithKeepNodes(t *testing.T) {
	down := errors.New("down")
	for name, c := range map[string]struct {
		opt                         Option
		emptyFor, failedFor, longer time.Duration // kept at the end of it, not after longer
	}{
		"by default":     {WithKeepNodes(0, 0), 59 * time.Second, 24 * time.Hour, 2 * time.Second},
		"set":            {WithKeepNodes(10*time.Second, 20*time.Second), 9 * time.Second, 19 * time.Second, 2 * time.Second},
		"for ever":       {WithKeepNodes(KeepForever, KeepForever), 24 * time.Hour, 24 * time.Hour, 0},
		"dropped":        {WithKeepNodes(DropAtOnce, DropAtOnce), -1, -1, 0},
		"the old option": {WithInvalidateOnError(20 * time.Second), 59 * time.Second, 19 * time.Second, 2 * time.Second},
		"the old zero":   {WithInvalidateOnError(0), 59 * time.Second, -1, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := discover("a:1")
				s := NewSet(d, nil, c.opt)
				defer s.Close()
				story := func(what string, begin func(), kept time.Duration) {
					d.now(s, "a:1")
					begin()
					if kept < 0 {
						equal(t, what+": nodes at once", len(s.Nodes()), 0)
						return
					}
					time.Sleep(kept)
					equal(t, what+": nodes in time", len(s.Nodes()), 1)
					if c.longer == 0 || kept == 24*time.Hour {
						return
					}
					time.Sleep(c.longer)
					synctest.Wait()
					equal(t, what+": nodes later", len(s.Nodes()), 0)
				}
				story("empty", func() { d.now(s) }, c.emptyFor)
				story("failed", func() { d.fails(s, down) }, c.failedFor)
			})
		})
	}
	for _, d := range []time.Duration{-1, -time.Second, math.MinInt64 + 1} {
		mustBe(t, NewSet(sd.FixedInstancer{}, nil, WithKeepNodes(d, 0)).Err(), ErrInvalidOption)
		mustBe(t, NewSet(sd.FixedInstancer{}, nil, WithKeepNodes(0, d)).Err(), ErrInvalidOption)
		mustBe(t, NewSet(sd.FixedInstancer{}, nil, WithInvalidateOnError(d)).Err(), ErrInvalidOption)
	}
}

// The log tells when nodes begin to be kept, and why that ends; not each event of a row.
func TestKeepingIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := discover("a:1")
		s := NewSet(d, log.NewLogfmtLogger(&out))
		defer s.Close()
		says := func(lines ...string) {
			t.Helper()
			synctest.Wait()
			got := strings.Split(strings.TrimSpace(out.String()), "\n")
			out.Reset()
			if len(got) != len(lines) {
				t.Fatalf("%d lines, want %d: %q", len(got), len(lines), got)
			}
			for i, line := range lines {
				if !strings.Contains(got[i], line) {
					t.Errorf("%s does not say %q", got[i], line)
				}
			}
		}
		d.now(s)
		d.now(s)
		says(`discovery names no node: its last nodes are kept" nodes=1 for=1m0s`)
		d.now(s, "a:1")
		says(`discovery names nodes again" nodes=1`)
		for range 3 {
			d.fails(s, errors.New("etcd is down"))
		}
		says(`service discovery failed" nodes=1 err="etcd is down"`, `discovery fails: its last nodes are kept" nodes=1 for="until it names nodes"`)
		d.now(s)
		time.Sleep(time.Hour)
		says(`its last nodes are kept`, `for too long: the last ones are dropped" nodes=1`)
	})
}

// A Set that is closed keeps nothing, and says nothing of it.
func TestAClosedSetKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := discover("a:1")
		s := NewSet(d, log.NewLogfmtLogger(&out))
		d.now(s)
		s.Close()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := strings.Count(out.String(), "\n"); n != 1 || !strings.Contains(out.String(), "its last nodes are kept") {
			t.Errorf("%d lines:\n%s", n, out.String())
		}
	})
}

// A node that is still named is not kept: one that leaves while others stay drains at once.
func TestANodeThatLeavesTheOthersIsNotKept(t *testing.T) {
	d, f := discover("a:1", "b:1"), &shop{}
	s := NewSet(d, nil)
	defer s.Close()
	ep := s.EndpointFrom("Sum", f.factory)
	d.now(s, "b:1")
	equal(t, "closed", f.closes(), "a:1")
	callEach(t, ep, 1)
}

// Two spellings of a name, with and without the dot at its end, are one node, as long as one
// of them is named.
func TestSetFoldsTheDotAtTheEndOfAName(t *testing.T) {
	d, f := discover("db.example.org.:1", "DB.example.org:01", "tcp://db.example.org:1", "fd00::2:8080", "[FD00:0::2]:8080"), &shop{}
	s := NewSet(d, nil)
	defer s.Close()
	s.EndpointFrom("Sum", f.factory)
	equal(t, "nodes", addresses(s), "[fd00::2]:8080 db.example.org.:1")
	d.now(s, "db.example.org:1", "fd00::2:8080")
	equal(t, "nodes", addresses(s), "[fd00::2]:8080 db.example.org.:1")
	d.now(s, "fd00::2:8080")
	d.now(s, "db.example.org:1")
	equal(t, "nodes", addresses(s), "db.example.org:1")
	equal(t, "made", strings.Join(f.made, " "), "[fd00::2]:8080 db.example.org.:1 db.example.org:1")
}

// Who has no node because nothing that discovery names is one, is told so.
func TestNoNodesErrorNamesTheFirstInstanceThatIsNone(t *testing.T) {
	d := discover("http://a:80/x", "b", "c:0")
	s := NewSet(d, nil, WithKeepNodes(DropAtOnce, 0), WithoutWait())
	defer s.Close()
	ep := s.EndpointFrom("Sum", (&shop{}).factory)
	_, err := ep(t.Context(), nil)
	mustBe(t, err, ErrInstance, lb.ErrNoEndpoints)
	if e := as[*NoNodesError](t, err); !strings.Contains(e.Error(), "http://a:80/x") {
		t.Error(e)
	}
	d.now(s, "b", "http://a:80/x") // kept from before, and told in this list's order
	_, err = ep(t.Context(), nil)
	if !strings.Contains(err.Error(), `"b"`) {
		t.Error(err)
	}
	d.now(s, "b", "a:1")
	callEach(t, ep, 1)
	d.now(s)
	_, err = ep(t.Context(), nil)
	if errors.Is(err, ErrInstance) {
		t.Errorf("an empty list has no bad instance: %v", err)
	}
}

// An error of the discovery's counts, not what it named before.
func TestNoNodesErrorTellsTheDiscoverysErrorFirst(t *testing.T) {
	down := errors.New("down")
	d := discover("rubbish")
	s := NewSet(d, nil, WithoutWait())
	defer s.Close()
	ep := s.EndpointFrom("Sum", (&shop{}).factory)
	d.fails(s, down)
	_, err := ep(t.Context(), nil)
	mustBe(t, err, down)
}

// An error that is over is no reason any more, and is told anew when it comes again.
func TestAnErrorThatIsOverIsNoReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		down := errors.New("down")
		d := discover()
		s := NewSet(d, log.NewLogfmtLogger(&out), WithKeepNodes(DropAtOnce, DropAtOnce), WithoutWait())
		defer s.Close()
		ep := s.EndpointFrom("Sum", (&shop{}).factory)
		d.fails(s, down)
		_, err := ep(t.Context(), nil)
		mustBe(t, err, down)
		d.now(s, "a:1")
		d.now(s)
		if _, err = ep(t.Context(), nil); !errors.Is(err, lb.ErrNoEndpoints) || errors.Is(err, down) {
			t.Errorf("after an empty list: %v", err)
		}
		d.fails(s, down)
		settle(s)
		equal(t, "told", strings.Count(out.String(), "service discovery failed"), 2)
	})
}

// Nodes that are named again in the last moment stay, though the time is over when the Set
// comes to look.
func TestNodesNamedAgainAsTheTimeEndsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := discover("a:1"), &shop{}
		s := NewSet(d, nil)
		defer s.Close()
		ep := s.EndpointFrom("Sum", f.factory)
		d.now(s)
		time.Sleep(time.Minute - time.Millisecond)
		s.lane.push(func() { time.Sleep(2 * time.Millisecond) })
		d.send(sd.Event{Instances: []string{"a:1"}})
		time.Sleep(time.Minute)
		synctest.Wait()
		callEach(t, ep, 1)
		equal(t, "closed", f.closes(), "")
	})
}
