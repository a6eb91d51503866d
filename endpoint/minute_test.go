package endpoint

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// What has ended in the last minute, of a node by attempts, of a method by calls.
func TestMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithRetry(2, 0), WithBackoff(time.Millisecond, time.Millisecond))
		defer s.Close()
		f := &shop{}
		var takes time.Duration
		var fails error
		f.do = func(muxpool.Node, context.Context) error { // a call that fails is made again, and answered at once
			took, err := takes, fails
			if fails != nil {
				takes, fails = 0, nil
			}
			time.Sleep(took)
			return err
		}
		get := s.EndpointFrom("Get", f.factory, WithIdempotent(Always))
		call := func(times int, each time.Duration, first error) {
			t.Helper()
			for range times {
				takes, fails = each, first
				if _, err := get(t.Context(), "x"); err != nil {
					t.Fatal(err)
				}
			}
		}
		call(3, 0, nil)
		if st := s.Stats(); st.Nodes[0].Minute != nil || st.Methods[0].Minute != nil || st.Methods[0].Method != "Get" {
			t.Errorf("measured unasked: %+v", st)
		}
		begin := time.Now()
		stop, stopToo := s.Measure(), s.Measure()
		call(97, 10*time.Millisecond, nil)
		call(2, 3*time.Second, errLost)
		time.Sleep(time.Until(begin.Add(20 * time.Second)))
		st := s.Stats()
		near(t, "p50 of the node", st.Nodes[0].Minute.P50, 10*time.Millisecond)
		near(t, "p99 of the node", st.Nodes[0].Minute.P99, 3*time.Second)
		near(t, "p50 of the method", st.Methods[0].Minute.P50, 10*time.Millisecond)
		near(t, "p99 of the method", st.Methods[0].Minute.P99, 3*time.Second)
		equal(t, "outcomes of the node", fmt.Sprint(st.Nodes[0].Minute.Outcomes), "map[failed:2 ok:99]")
		equal(t, "outcomes of the method", fmt.Sprint(st.Methods[0].Minute.Outcomes), "map[ok:99]")
		equal(t, "rate", st.Nodes[0].Minute.Rate(), 101./20)
		stop()
		stop() // once
		call(1, time.Second, nil)
		time.Sleep(54 * time.Second)
		m := s.Stats().Nodes[0].Minute
		equal(t, "after a minute", m.Calls, uint64(1))
		near(t, "p50 after a minute", m.P50, time.Second)
		if m.Over < 55*time.Second || m.Over > time.Minute {
			t.Errorf("a minute is %v", m.Over)
		}
		stopToo()
		call(1, 0, nil)
		if m := s.Stats().Nodes[0].Minute; m != nil {
			t.Errorf("measured after the end: %+v", m)
		}
		defer s.Measure()()
		if m := s.Stats().Nodes[0].Minute; m.Over > time.Second || m.Rate() > 1 {
			t.Errorf("measured anew: %+v", m)
		}
		time.Sleep(2 * time.Second)
		call(1, 0, nil)
		m = s.Stats().Nodes[0].Minute
		equal(t, "calls since then", m.Calls, 1)
		equal(t, "time since then", m.Over, 2*time.Second)
	})
}

func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if off := max(got-want, want-got); off > want/8 {
		t.Errorf("%s is %v, not about %v", what, got, want)
	}
}

// What was not sent has no duration, and a panic counts as this process's own fault.
func TestMinuteOfFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithoutWait())
		defer s.Close()
		defer s.Measure()()
		f := &shop{}
		f.do = func(muxpool.Node, context.Context) error { time.Sleep(time.Second); return errUnsent }
		get := Recovery(nil)(s.EndpointFrom("Get", f.factory))
		if _, err := get(t.Context(), "x"); err == nil {
			t.Error("no error")
		}
		f.do = func(muxpool.Node, context.Context) error { panic("x") }
		if _, err := get(t.Context(), "x"); err == nil {
			t.Error("no error")
		}
		m := s.Stats().Nodes[0].Minute
		equal(t, "outcomes", fmt.Sprint(m.Outcomes), "map[caller:1 not sent:1]")
		equal(t, "p99", m.P99, bucketMiddle(0))
	})
}

// Each duration is in a bucket that tells it to an eighth, and a longer one in no lower bucket.
func TestBuckets(t *testing.T) {
	equal(t, "a negative one", bucketOf(-5), 0)
	equal(t, "the shortest", bucketOf(1<<bucketFrom), 1)
	equal(t, "the longest", bucketOf(1<<62), bucketCount-1)
	equal(t, "the longest that fits", bucketOf(1<<bucketTo-1), bucketCount-1)
	equal(t, "the next one", bucketOf(1<<bucketTo), bucketCount-1)
	equal(t, "what those in the first are taken for", bucketMiddle(0), 512*time.Nanosecond)
	was := 0
	for d := int64(1 << bucketFrom); d < 1<<bucketTo; d += 1 + d/50 {
		i := bucketOf(d)
		near(t, fmt.Sprint(d), bucketMiddle(i), time.Duration(d))
		if i < was || i > was+1 {
			t.Fatalf("%d is in bucket %d after %d", d, i, was)
		}
		was = i
	}
	equal(t, "all are used", was, bucketCount-1)
}

func TestPercentile(t *testing.T) {
	var took [bucketCount]uint64
	equal(t, "of nothing", percentile(&took, 0, 50), 0)
	took[3] = 1
	equal(t, "of one", percentile(&took, 1, 99), bucketMiddle(3))
	took[7] = 99
	equal(t, "p50", percentile(&took, 100, 50), bucketMiddle(7))
	took[3], took[7] = 99, 1
	equal(t, "p99", percentile(&took, 100, 99), bucketMiddle(3))
	took[3], took[7] = 98, 2
	equal(t, "p99 of two in a hundred", percentile(&took, 100, 99), bucketMiddle(7))
	took[3], took[7] = 50, 50
	equal(t, "p50 of halves", percentile(&took, 100, 50), bucketMiddle(3))
	took[3], took[7] = 4960, 5040
	equal(t, "p50 of many", percentile(&took, 10_000, 50), bucketMiddle(7))
}

// P50 is of half of the calls, and P99 of all but one in a hundred; of no time there is no rate.
func TestPercentilesOfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m minute
		clock := &timing{epoch: time.Now()}
		clock.users.Store(1)
		for took, calls := range map[time.Duration]int{time.Millisecond: 50, time.Second: 49, time.Minute: 1} {
			for range calls {
				m.add(-int64(took), 0, outcomeOK)
			}
		}
		last := m.last(clock)
		near(t, "p50", last.P50, time.Millisecond)
		near(t, "p99", last.P99, time.Second)
		equal(t, "rate", last.Rate(), 0)
	})
}

// Callers that come together lose nothing at the turn of a part, and who is too late counts
// nowhere.
func TestMinuteOfManyCallers(t *testing.T) {
	var m minute
	clock := &timing{epoch: time.Now()}
	clock.users.Store(1)
	const callers, each = 8, 2000
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := range each {
				m.add(0, int64(i)*int64(5*time.Millisecond), outcome(rand.IntN(len(outcomes)))) // two parts
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	equal(t, "calls", m.last(clock).Calls, uint64(callers*each))
	m.add(0, minuteWidth*minuteParts, outcomeOK)
	m.add(0, 1, outcomeOK)
	if s := m.parts[0].Load(); s.number != minuteParts || s.outcomes[outcomeOK].Load() != 1 {
		t.Errorf("part %d has %d", s.number, s.outcomes[outcomeOK].Load())
	}
}

// A node that is called holds so much memory at most, and one that is not next to none.
func TestMemoryOfMinutes(t *testing.T) {
	if got := minuteParts * unsafe.Sizeof(minutePart{}); got > 6<<10 {
		t.Errorf("%d bytes", got)
	}
	if got := unsafe.Sizeof(minute{}); got > 112 {
		t.Errorf("%d bytes of a node that is not called", got)
	}
}

func instant(tb testing.TB) (*Set, endpoint.Endpoint) {
	s := NewSet(sd.FixedInstancer{"a:1"}, nil)
	tb.Cleanup(s.Close)
	return s, s.EndpointFrom("Get", func(string) (endpoint.Endpoint, io.Closer, error) { return answerRequest, nil, nil })
}

// Measuring allocates a part in five seconds, not something for a call.
func TestAllocsOfMeasuring(t *testing.T) {
	s, get := instant(t)
	call := func() { get(context.Background(), nil) }
	without := bounded.Allocs(1000, call)
	defer s.Measure()()
	if with := bounded.Allocs(1000, call); with > without {
		t.Errorf("%v allocations, and %v without", with, without)
	}
}

// BenchmarkMeasure is the chain of a Set without network, measured or not.
func BenchmarkMeasure(b *testing.B) {
	for _, on := range []bool{false, true} {
		b.Run(fmt.Sprintf("measured=%v", on), func(b *testing.B) {
			s, get := instant(b)
			if on {
				defer s.Measure()()
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					get(context.Background(), nil)
				}
			})
		})
	}
}
