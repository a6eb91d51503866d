package endpoint

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
)

// updated is a Set with a method that has no options of its own and one that has.
func updated(opts ...Option) (s *Set, f *shop, get, put func(context.Context, any) (any, error)) {
	f = &shop{}
	s = NewSet(sd.FixedInstancer{"a:1", "b:1", "c:1"}, nil, append([]Option{WithPolicy(RoundRobin), WithBackoff(1, 1)}, opts...)...)
	return s, f, s.EndpointFrom("Get", f.factory), s.EndpointFrom("Put", f.factory, WithRetry(1, 2*time.Second), WithIdempotent(nil))
}

func TestUpdateChangesCallsThatBeginAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, get, put := updated(WithRetry(1, time.Second))
		defer s.Close()
		f.do = hang
		took := func(call func(context.Context, any) (any, error)) time.Duration {
			begin := time.Now()
			call(t.Context(), nil)
			return time.Since(begin)
		}
		equal(t, "before", took(get), time.Second)
		underWay := make(chan time.Duration)
		go func() { underWay <- took(get) }()
		synctest.Wait()
		if err := s.Update(WithRetry(3, 5*time.Second), WithIdempotent(Always), WithHedging(10*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		equal(t, "under way", bounded.Receive(t, underWay), time.Second)
		f.mu.Lock()
		f.calls = nil
		f.mu.Unlock()
		equal(t, "afterwards", took(get), 5*time.Second)
		equal(t, "attempts", len(f.called()), 3)
		equal(t, "a method with options of its own", took(put), 2*time.Second)
		equal(t, "a method made afterwards", took(s.EndpointFrom("New", f.factory)), 5*time.Second)
	})
}

func TestUpdateChangesWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(discover(), nil)
		defer s.Close()
		get := s.EndpointFrom("Get", (&shop{}).factory)
		for _, c := range []struct {
			opt  Option
			took time.Duration
		}{{WithWait(time.Second), time.Second}, {WithoutWait(), 0}, {WithWait(0), 5 * time.Second}} {
			if err := s.Update(c.opt); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			get(t.Context(), nil)
			equal(t, "took", time.Since(begin), c.took)
		}
	})
}

// Whole or not at all.
func TestAnUpdateThatIsRefusedChangesNothing(t *testing.T) {
	g := breaker.NewGroup()
	defer g.Close()
	s, _, _, _ := updated(WithRetry(2, time.Second))
	defer s.Close()
	s.mu.Lock()
	before, conf := s.retry, s.methods[0].retry.conf.Load()
	s.mu.Unlock()
	for name, opts := range map[string][]Option{
		"a senseless value":         {WithRetry(5, time.Hour), WithHedging(-1)},
		"another option":            {WithRetry(5, time.Hour), WithBreakers(g)},
		"a policy":                  {WithRetry(5, time.Hour), WithPolicy(Random)},
		"the default policy":        {WithRetry(5, time.Hour), WithPolicy(PowerOfTwo)},
		"nil":                       {WithRetry(5, time.Hour), nil},
		"a budget that makes none":  {WithRetry(5, time.Hour), WithBudget(NewBudget(9, 9))},
		"a time to keep lost nodes": {WithKeepNodes(time.Second, time.Second)},
	} {
		mustBe(t, s.Update(opts...), ErrInvalidOption)
		s.mu.Lock()
		equal(t, name+": attempts", s.retry.max, before.max)
		equal(t, name+": time", s.retry.timeout, before.timeout)
		equal(t, name+": the method's", s.methods[0].retry.conf.Load(), conf)
		s.mu.Unlock()
	}
	s.Close()
	equal(t, "of a Set that was closed", s.Update(WithoutWait()), nil)
}

// A budget that a method has of its own keeps the tokens that it has.
func TestUpdateKeepsTheBudgetOfAMethod(t *testing.T) {
	s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithRetry(2, time.Second))
	defer s.Close()
	s.EndpointFrom("Get", (&shop{}).factory, WithBudget(nil))
	s.EndpointFrom("Put", (&shop{}).factory)
	budget := func(i int) *Budget { return s.methods[i].retry.conf.Load().budget }
	own, sets := budget(0), budget(1)
	if err := s.Update(WithoutWait()); err != nil {
		t.Fatal(err)
	}
	equal(t, "its own", budget(0), own)
	equal(t, "the Set's", budget(1), sets)
	another := NewBudget(0.5, 5)
	if err := s.Update(WithBudget(another)); err != nil {
		t.Fatal(err)
	}
	equal(t, "its own", budget(0), own)
	equal(t, "the Set's new one", budget(1), another)
	for range 2 { // a default one, each time
		if err := s.Update(WithBudget(nil)); err != nil {
			t.Fatal(err)
		}
		equal(t, "its own", budget(0), own)
		equal(t, "the Set's, as it is told", budget(1), s.retry.budget)
	}
}

func TestUpdateBesideCalls(t *testing.T) {
	s, f, get, put := updated(WithRetry(2, time.Second))
	defer s.Close()
	f.do = script(errUnsent)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				get(t.Context(), nil)
				put(t.Context(), nil)
			}
		})
	}
	for i := range 100 {
		if err := s.Update(WithRetry(1+i%3, time.Second), WithHedging(time.Duration(i))); err != nil {
			t.Error(err)
		}
		s.EndpointFrom("New", f.factory)
	}
	bounded.Wait(t, wg.Wait)
}
