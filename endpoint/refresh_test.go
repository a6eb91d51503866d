package endpoint

import (
	"io"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/internal/bounded"
)

// asked is a discovery that can be asked to look, and counts it.
type asked struct {
	*discovery
	mu    sync.Mutex
	times []time.Time
	found func()
}

func (a *asked) Refresh() {
	a.mu.Lock()
	a.times = append(a.times, time.Now())
	a.mu.Unlock()
	if a.found != nil {
		a.found()
	}
}

// All nodes are out, or there is none: discovery is asked to look, once a second at most
// however many call, and what it finds is called.
func TestDiscoveryIsAskedWhenNoNodeTakesCalls(t *testing.T) {
	for name, c := range map[string]struct {
		nodes []string
		opts  []Option
		least time.Duration
	}{
		"none known":             {nil, nil, time.Second},
		"all out":                {[]string{"a:1", "b:1"}, []Option{withBreakers(newSwitchboard(node("a"), node("b")))}, time.Second},
		"all out, with retries":  {[]string{"a:1", "b:1"}, []Option{withBreakers(newSwitchboard(node("a"), node("b"))), WithRetry(3, 50*time.Millisecond)}, time.Second},
		"each twenty seconds":    {nil, []Option{WithRefreshInterval(20 * time.Second)}, 20 * time.Second},
		"nothing but rubbish":    {[]string{"rubbish"}, nil, time.Second},
		"none that can be built": {[]string{"z:1"}, nil, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &asked{discovery: discover(c.nodes...)}
				s := NewSet(a, nil, c.opts...)
				defer s.Close()
				f := &shop{}
				ep := s.EndpointFrom("Sum", func(instance string) (endpoint.Endpoint, io.Closer, error) {
					if instance == "tcp://z:1" {
						panic("z")
					}
					return f.factory(instance)
				})
				time.Sleep(time.Minute)
				equal(t, "asked while nobody calls", len(a.times), 0)
				var calls sync.WaitGroup
				stop := make(chan struct{})
				for range 20 {
					calls.Go(func() {
						for {
							select {
							case <-stop:
								return
							case <-time.After(time.Millisecond):
								ep(t.Context(), nil)
							}
						}
					})
				}
				time.Sleep(5 * c.least)
				close(stop)
				bounded.Wait(t, calls.Wait)
				synctest.Wait()
				if n := len(a.times); n < 4 || n > 6 {
					t.Errorf("asked %d times in %v", n, 5*c.least)
				}
				for i := 1; i < len(a.times); i++ {
					if wait := a.times[i].Sub(a.times[i-1]); wait < c.least || wait > c.least*5/4+50*time.Millisecond {
						t.Errorf("asked after %v, want %v and up to a quarter more", wait, c.least)
					}
				}
				a.found = func() { go a.send(sd.Event{Instances: []string{"c:1"}}) }
				time.Sleep(2 * c.least)
				ep(t.Context(), nil)
				synctest.Wait()
				callEach(t, ep, 1)
			})
		})
	}
}

func TestDiscoveryIsNotAskedWhileANodeTakesCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{discovery: discover("a:1", "b:1")}
		s := NewSet(a, nil, withBreakers(newSwitchboard(node("a"))))
		ep := s.EndpointFrom("Sum", (&shop{}).factory)
		for range 100 {
			ep(t.Context(), nil)
			time.Sleep(time.Second)
		}
		s.Close()
		ep(t.Context(), nil)
		time.Sleep(time.Hour)
		equal(t, "asked", len(a.times), 0)
	})
}

// Who asks does not wait, whatever Refresh does.
func TestAskingDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		var n atomic.Int64
		a := &asked{discovery: discover(), found: func() { n.Add(1); <-block }}
		s := NewSet(a, nil, WithoutWait())
		defer s.Close()
		ep := s.EndpointFrom("Sum", (&shop{}).factory)
		for range 10 {
			start := time.Now()
			ep(t.Context(), nil)
			equal(t, "time", time.Since(start), 0)
			time.Sleep(10 * time.Second)
		}
		equal(t, "asked", n.Load(), 1)
		close(block)
	})
	// Nobody to ask: nothing is spent.
	s := NewSet(sd.FixedInstancer{"a:1"}, nil)
	defer s.Close()
	equal(t, "allocations", bounded.Allocs(100, s.askAgain), 0)
	mustBe(t, NewSet(sd.FixedInstancer{}, nil, WithRefreshInterval(-1)).Err(), ErrInvalidOption)
}

// The longest interval is for ever: discovery is asked once.
func TestTheLongestRefreshInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &asked{discovery: discover()}
		s := NewSet(p, nil, WithoutWait(), WithRefreshInterval(math.MaxInt64))
		defer s.Close()
		ep := s.EndpointFrom("M", nop)
		for range 10 {
			ep(t.Context(), nil)
			time.Sleep(time.Hour)
		}
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		equal(t, "looks", len(p.times), 1)
	})
}
